/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/remote.h"

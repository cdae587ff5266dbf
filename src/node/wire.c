/* SPDX-License-Identifier: Apache-2.0 */
#include "node/wire.h"

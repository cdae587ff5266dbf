/* SPDX-License-Identifier: Apache-2.0 */
#include "ns/ns.h"

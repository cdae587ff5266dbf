/* SPDX-License-Identifier: Apache-2.0 */
/* Actors of other nodes: every signal, every refusal, whatever goes down in the middle of it. */
#include "runtime/play.h"

/* SPDX-License-Identifier: Apache-2.0 */
/* readings.h -- what boards and their gateway say to each other. */
#ifndef READINGS_H
#define READINGS_H

enum {
    READING = 1, /* board to gateway: tenths of a degree, four bytes */
    TAKEN = 2,   /* gateway to board: it has been written down       */
};

#endif

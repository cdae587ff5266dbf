/* SPDX-License-Identifier: Apache-2.0 */
/* matrix.c -- a product of matrices as it is written in a book: three loops, two loads, a multiplication, an addition. */
#include "kernel.h"

enum { SIDE = 64 };

static float a[SIDE][SIDE], b[SIDE][SIDE], product[SIDE][SIDE];

/* Small whole numbers. */
static void prepare(void) {
    uint32_t seed = 1;
    for (int i = 0; i < SIDE; i++) {
        for (int j = 0; j < SIDE; j++) {
            a[i][j] = (float)(kernel_random(&seed) % 17) - 8.0f;
            b[i][j] = (float)(kernel_random(&seed) % 17) - 8.0f;
        }
    }
}

static void multiply(void) {
    for (int i = 0; i < SIDE; i++) {
        for (int j = 0; j < SIDE; j++) {
            float sum = 0;
            for (int k = 0; k < SIDE; k++) sum += a[i][k] * b[k][j];
            product[i][j] = sum;
        }
    }
}

/* A part of each product goes into the next one. */
KERNEL uint32_t kernel_matrix(uint32_t n) {
    uint32_t check = 0;
    prepare();
    for (uint32_t i = 0; i < n; i++) {
        multiply();
        for (int k = 0; k < SIDE; k++) {
            check = check * 31 + (uint32_t)(int32_t)product[k][i % SIDE];
            a[i % SIDE][k] = (float)(check >> 8 & 15) - 8.0f;
        }
    }
    return check;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* mix.c -- what small controllers do all day, in the proportions that the benchmark CoreMark made customary: a linked list is
 * searched and sorted, matrices of small integers are multiplied, a text is read by a state machine, and a CRC of everything
 * proves the work. */
#include "kernel.h"

enum { NODES = 200, SIDE = 12, TEXT_BYTES = 512 };

static uint16_t crc16(uint32_t value, uint16_t crc) {
    for (int bit = 0; bit < 32; bit++, value >>= 1) {
        uint32_t carry = (value ^ crc) & 1;
        crc = (uint16_t)(crc >> 1 ^ (carry != 0 ? 0xA001u : 0));
    }
    return crc;
}

/* ---- list ----------------------------------------------------------------------------------------------------------- */

typedef struct node {
    struct node *next;
    uint16_t     key, place;
} node_t;

static node_t nodes[NODES];

typedef int32_t order_fn(const node_t *x, const node_t *y);

static int32_t by_key(const node_t *x, const node_t *y) { return (int32_t)x->key - y->key; }
static int32_t by_place(const node_t *x, const node_t *y) { return (int32_t)x->place - y->place; }

static node_t *list_make(uint32_t seed) {
    for (int i = 0; i < NODES; i++) {
        nodes[i] = (node_t){i + 1 < NODES ? &nodes[i + 1] : 0, (uint16_t)kernel_random(&seed), (uint16_t)i};
    }
    return nodes;
}

static const node_t *list_find(const node_t *at, uint16_t key) {
    while (at != 0 && (at->key & 0xFF) != (key & 0xFF)) at = at->next;
    return at;
}

static node_t *list_reverse(node_t *at) {
    node_t *behind = 0;
    while (at != 0) {
        node_t *next = at->next;
        at->next = behind;
        behind = at;
        at = next;
    }
    return behind;
}

static node_t *list_merge(node_t *x, node_t *y, order_fn *order) {
    node_t *first = 0, **end = &first;
    while (x != 0 && y != 0) {
        node_t **less = order(x, y) <= 0 ? &x : &y;
        *end = *less;
        end = &(*less)->next;
        *less = *end;
    }
    *end = x != 0 ? x : y;
    return first;
}

static node_t *list_sort(node_t *first, uint32_t count, order_fn *order) {
    if (count < 2) return first;
    node_t *middle = first;
    for (uint32_t i = 1; i < count / 2; i++) middle = middle->next;
    node_t *second = middle->next;
    middle->next = 0;
    return list_merge(list_sort(first, count / 2, order), list_sort(second, count - count / 2, order), order);
}

/* Eight nodes to a CRC, which would otherwise be most of the work. */
static uint16_t list_check(const node_t *at, uint16_t crc) {
    uint32_t sum = 0, count = 0;
    for (; at != 0; at = at->next) {
        sum = sum * 31 + ((uint32_t)at->key << 16 | at->place);
        if (++count % 8 == 0) crc = crc16(sum, crc);
    }
    return crc;
}

static uint16_t list_work(uint32_t seed, uint16_t crc) {
    node_t *list = list_make(seed);
    for (uint32_t i = 0; i < 40; i++) {
        const node_t *found = list_find(list, (uint16_t)(seed + i));
        crc = (uint16_t)(crc + (found != 0 ? found->place : i));
        list = list_reverse(list);
    }
    list = list_sort(list, NODES, by_key);
    crc = list_check(list, crc);
    return (uint16_t)(crc + list_sort(list, NODES, by_place)->key);
}

/* ---- matrices --------------------------------------------------------------------------------------------------------- */

static int16_t x[SIDE][SIDE], y[SIDE][SIDE];
static int32_t product[SIDE][SIDE];

static void matrix_multiply(void) {
    for (int i = 0; i < SIDE; i++) {
        for (int j = 0; j < SIDE; j++) {
            int32_t sum = 0;
            for (int k = 0; k < SIDE; k++) sum += x[i][k] * y[k][j];
            product[i][j] = sum;
        }
    }
}

/* What lies in the middle bits of the products. */
static int32_t matrix_sum(int32_t limit) {
    int32_t sum = 0, last = 0;
    for (int i = 0; i < SIDE; i++) {
        for (int j = 0; j < SIDE; j++) {
            int32_t here = product[i][j] >> 2 & 0x7F;
            sum += here > last ? 10 : 1;
            if (sum > limit) sum = -limit;
            last = here;
        }
    }
    return sum;
}

static uint16_t matrix_work(uint32_t seed, uint16_t crc) {
    for (int i = 0; i < SIDE; i++) {
        for (int j = 0; j < SIDE; j++) {
            x[i][j] = (int16_t)(kernel_random(&seed) & 0x3FF);
            y[i][j] = (int16_t)(x[i][j] - 512);
        }
    }
    for (int32_t round = 0; round < 4; round++) {
        matrix_multiply();
        crc = crc16((uint32_t)matrix_sum(300 + round), crc);
        for (int i = 0; i < SIDE; i++) x[i][round] = (int16_t)(product[i][round] >> 8);
    }
    return crc;
}

/* ---- text ------------------------------------------------------------------------------------------------------------- */

typedef enum state { START, SIGN, WHOLE, POINT, FRACTION, EXPONENT, POWER, BAD, STATES } state_t;

static uint8_t text[TEXT_BYTES + 1];

static void text_make(uint32_t seed) {
    static const char words[8][12] = {"5012",     "-874",        "+122",     "35.54400",
                                      ".1234500", "-110.700e+8", "T0.3e-1F", "1.2.3"};
    uint32_t          at = 0;
    for (;;) {
        const char *word = words[kernel_random(&seed) & 7];
        for (; *word != '\0' && at < TEXT_BYTES; word++) text[at++] = (uint8_t)*word;
        if (at >= TEXT_BYTES) break;
        text[at++] = ',';
    }
    text[TEXT_BYTES] = '\0';
}

static int is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

static state_t step(state_t state, uint8_t c) {
    switch (state) {
    case START: return is_digit(c) ? WHOLE : c == '+' || c == '-' ? SIGN : c == '.' ? POINT : BAD;
    case SIGN: return is_digit(c) ? WHOLE : c == '.' ? POINT : BAD;
    case WHOLE: return is_digit(c) ? WHOLE : c == '.' ? POINT : c == 'e' ? EXPONENT : BAD;
    case POINT:
    case FRACTION: return is_digit(c) ? FRACTION : c == 'e' ? EXPONENT : BAD;
    case EXPONENT:
    case POWER: return is_digit(c) || (state == EXPONENT && (c == '+' || c == '-')) ? POWER : BAD;
    default: return BAD;
    }
}

static uint16_t text_work(uint32_t seed, uint16_t crc) {
    uint32_t ended[STATES] = {0}, passed[STATES] = {0};
    text_make(seed);
    for (uint32_t damage = 0; damage < 2; damage++) {
        state_t state = START;
        for (const uint8_t *c = text; *c != '\0'; c++) {
            if (*c == ',') {
                ended[state]++;
                state = START;
            } else {
                state = step(state, *c);
                passed[state]++;
            }
        }
        for (uint32_t at = seed & 15; at < TEXT_BYTES; at += 19) {
            if (text[at] != ',') text[at] ^= (uint8_t)(seed >> 8 & 3);
        }
    }
    for (int i = 0; i < STATES; i++) crc = crc16(ended[i] << 16 | passed[i], crc);
    return crc;
}

KERNEL uint32_t kernel_mix(uint32_t n) {
    uint16_t crc = 0;
    for (uint32_t i = 0; i < n; i++) {
        crc = list_work(i + crc, crc);
        crc = matrix_work(i + crc, crc);
        crc = text_work(i + crc, crc);
    }
    return crc;
}

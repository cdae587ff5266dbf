/* SPDX-License-Identifier: Apache-2.0 */
/* kernels.c -- how fast guests compute: five kernels as machine code, on our engine with fuel, and on WAMR's fast
 * interpreter; and how fast modules are loaded.
 *
 * usage: kernels [--only KERNEL] [--runs N] [--slice FUEL] [--scale PERCENT] [--no-load] [--load FILE]...
 *
 * The three run one after the other, round by round, in the same process; times are medians of the rounds, ratios are
 * medians of each round's own ratio. All three must have the same result. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bench.h"
#include "kernels/kernel.h"
#include "kernels_engines.h"

enum { RUNS_MAX = 101, LOADS_MAX = 16, LOAD_ROUNDS = 5 };

typedef struct kernel {
    const char *name;
    uint32_t (*native)(uint32_t n);
    uint32_t n; /* WAMR takes a few tenths of a second for it */
} kernel_t;

static const kernel_t kernels[] = {
    {"fib", kernel_fib, 33},        {"crc32", kernel_crc32, 250}, {"sha256", kernel_sha256, 50},
    {"matrix", kernel_matrix, 120}, {"mix", kernel_mix, 800},
};
enum { KERNELS = sizeof kernels / sizeof kernels[0] };

typedef struct options {
    const char *only;
    int         runs;
    uint32_t    scale_percent;
    bool        load;
    const char *files[LOADS_MAX];
    int         file_count;
} options_t;

/* ---- files --------------------------------------------------------------------------------------------------------- */

/* For mk_free(), or NULL. */
static uint8_t *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) return NULL;
    uint8_t *bytes = NULL;
    if (fseek(file, 0, SEEK_END) == 0) {
        long end = ftell(file);
        bytes = end > 0 ? mk_alloc((size_t)end) : NULL;
        rewind(file);
        *size = bytes != NULL ? fread(bytes, 1, (size_t)end, file) : 0;
    }
    fclose(file);
    return bytes;
}

/* ---- kernels -------------------------------------------------------------------------------------------------------- */

static int compare(const void *x, const void *y) {
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

static double median(const double *values, int n) {
    double sorted[RUNS_MAX];
    memcpy(sorted, values, (size_t)n * sizeof *values);
    qsort(sorted, (size_t)n, sizeof *sorted, compare);
    return sorted[n / 2];
}

static double median_ratio(const double *over, const double *under, int n) {
    double ratios[RUNS_MAX];
    for (int i = 0; i < n; i++) ratios[i] = over[i] / under[i];
    return median(ratios, n);
}

/* Seconds of each run. */
typedef struct times {
    double native[RUNS_MAX], ours[RUNS_MAX], wamr[RUNS_MAX];
} times_t;

static double timed(const kernels_engine_t *engine, void *opened, uint32_t n, uint32_t expected) {
    double   began = bench_now();
    uint32_t result = engine->run(opened, n);
    double   ended = bench_now();
    if (result != expected) {
        fprintf(stderr, "kernels: %s has %08x instead of %08x\n", engine->name, (unsigned)result, (unsigned)expected);
        exit(1);
    }
    return ended - began;
}

static void run_kernel(const kernel_t *kernel, uint32_t n, int runs, times_t *times) {
    char   path[512];
    size_t size = 0;
    snprintf(path, sizeof path, "%s/%s.wasm", BENCH_KERNELS, kernel->name);
    uint8_t *bytes = read_file(path, &size);
    if (bytes == NULL) bench_failed(path);
    void *ours = kernels_ours.open(bytes, size), *wamr = kernels_wamr.open(bytes, size);
    for (int i = 0; i < runs; i++) {
        double   began = bench_now();
        uint32_t expected = kernel->native(n);
        times->native[i] = bench_now() - began;
        times->ours[i] = timed(&kernels_ours, ours, n, expected);
        times->wamr[i] = timed(&kernels_wamr, wamr, n, expected);
    }
    kernels_ours.close(ours);
    kernels_wamr.close(wamr);
    mk_free(bytes);
}

static void bench_kernels(const options_t *options) {
    static times_t times;
    double         faster = 0, slower = 0;
    int            count = 0, runs = options->runs;
    printf("kernel   native ms   ours ms   wamr ms   wamr/ours   ours/native   ns of a unit of fuel\n");
    for (int i = 0; i < KERNELS; i++) {
        const kernel_t *kernel = &kernels[i];
        if (options->only != NULL && strcmp(options->only, kernel->name) != 0) continue;
        uint32_t n = kernel->n * options->scale_percent / 100;
        kernels_slices = 0;
        run_kernel(kernel, n, runs, &times);
        double ratio = median_ratio(times.wamr, times.ours, runs), cost = median_ratio(times.ours, times.native, runs);
        double unit = median(times.ours, runs) * runs / ((double)kernels_slices * kernels_slice);
        printf("%-8s %9.2f %9.1f %9.1f %11.2f %13.1f %12.2f\n", kernel->name, median(times.native, runs) * 1e3,
               median(times.ours, runs) * 1e3, median(times.wamr, runs) * 1e3, ratio, cost, unit * 1e9);
        fflush(stdout);
        faster += log(ratio);
        slower += log(cost);
        count++;
    }
    if (count == 0) bench_failed("no such kernel");
    if (count > 1) printf("geometric mean %34.2f %13.1f\n", exp(faster / count), exp(slower / count));
}

/* ---- loading -------------------------------------------------------------------------------------------------------- */

static void bench_load(const char *path) {
    size_t   size = 0;
    uint8_t *bytes = read_file(path, &size);
    double   validated[LOAD_ROUNDS], both[LOAD_ROUNDS];
    uint32_t functions = 0;
    if (bytes == NULL) {
        printf("%s: not there\n", path);
        return;
    }
    for (int i = 0; i < LOAD_ROUNDS; i++) {
        kernels_load_t load = kernels_load(bytes, size);
        validated[i] = load.validated;
        both[i] = load.validated + load.translated;
        functions = load.functions;
    }
    const char *name = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
    double      mb = (double)size / 1e6;
    printf("load %-20s %8.1f KB %6u functions: %6.1f MB/s, all of it translated %6.1f MB/s\n", name, mb * 1e3,
           (unsigned)functions, mb / median(validated, LOAD_ROUNDS), mb / median(both, LOAD_ROUNDS));
    mk_free(bytes);
}

/* ---- options -------------------------------------------------------------------------------------------------------- */

static const char usage[] =
    "usage: kernels [--only KERNEL] [--runs N] [--slice FUEL] [--scale PERCENT] [--no-load] [--load FILE]...\n";

static _Noreturn void wrong_usage(void) {
    fputs(usage, stderr);
    exit(2);
}

static long number(const char *text, long least, long most) {
    char *end;
    long  value = text != NULL ? strtol(text, &end, 10) : 0;
    if (text == NULL || *end != '\0' || value < least || value > most) wrong_usage();
    return value;
}

static options_t parse(char **args) {
    options_t options = {.runs = 5, .scale_percent = 100, .load = true};
    for (; *args != NULL; args++) {
        if (strcmp(*args, "--no-load") == 0) options.load = false;
        else if (strcmp(*args, "--only") == 0 && args[1] != NULL) options.only = *++args;
        else if (strcmp(*args, "--runs") == 0) options.runs = (int)number(*++args, 1, RUNS_MAX);
        else if (strcmp(*args, "--slice") == 0) kernels_slice = (int32_t)number(*++args, 1, INT32_MAX);
        else if (strcmp(*args, "--scale") == 0) options.scale_percent = (uint32_t)number(*++args, 1, 10000);
        else if (strcmp(*args, "--load") == 0 && args[1] != NULL && options.file_count < LOADS_MAX)
            options.files[options.file_count++] = *++args;
        else wrong_usage();
    }
    return options;
}

int main(int argc, char **argv) {
    static const char *const big[] = {BENCH_MODULES};
    (void)argc;
    options_t options = parse(argv + 1);
    bench_kernels(&options);
    if (options.only != NULL || !options.load) return 0;
    for (int i = 0; i < options.file_count; i++) bench_load(options.files[i]);
    for (size_t i = 0; options.file_count == 0 && i < sizeof big / sizeof big[0]; i++) bench_load(big[i]);
    return 0;
}

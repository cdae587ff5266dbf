/* SPDX-License-Identifier: Apache-2.0 */
/* kernels_ours.c -- the engine of src/vm, with fuel: each run stops after a slice of it and goes on with the next. */
#include "kernels_engines.h"

#include <stdio.h>

#include "base/mem.h"
#include "bench.h"
#include "vm/instance.h"

int32_t  kernels_slice = 200000;
uint64_t kernels_slices;

typedef struct ours {
    mk_vm_program_t  *program;
    mk_vm_instance_t *instance;
    uint32_t          function;
} ours_t;

static mk_vm_program_t *load(const uint8_t *bytes, size_t size) {
    char             err[320] = "";
    mk_vm_program_t *program = NULL;
    if (mk_vm_program_create(bytes, size, NULL, &program, err, sizeof err) != MK_OK) bench_failed(err);
    return program;
}

static void *ours_open(const uint8_t *bytes, size_t size) {
    mk_vm_name_t          name = {"run", 3};
    char                  err[320] = "";
    ours_t               *ours = mk_calloc(1, sizeof *ours);
    const mk_vm_export_t *found;
    bench_check(ours != NULL, "memory");
    ours->program = load(bytes, size);
    found = mk_vm_find_export(&ours->program->module, name);
    bench_check(found != NULL && found->kind == MK_VM_KIND_FUNCTION, "an export \"run\"");
    ours->function = found->index;
    if (mk_vm_instance_create(ours->program, NULL, NULL, NULL, NULL, NULL, &ours->instance, err, sizeof err) != MK_OK)
        bench_failed(err);
    bench_check(mk_vm_instance_fill(ours->instance) == MK_VM_TRAP_NONE, "segments");
    return ours;
}

static uint32_t ours_run(void *opened, uint32_t n) {
    ours_t     *ours = opened;
    uint64_t    arg = n, result = 0;
    mk_vm_end_t end = mk_vm_call(ours->instance, ours->function, &arg, &result, kernels_slice);
    for (kernels_slices++; end == MK_VM_OUT_OF_FUEL; kernels_slices++) {
        end = mk_vm_resume(ours->instance, &result, kernels_slice);
    }
    if (end != MK_VM_DONE) {
        char text[256];
        mk_vm_trap_text(ours->instance, text, sizeof text);
        bench_failed(text);
    }
    return (uint32_t)result;
}

static void ours_close(void *opened) {
    ours_t *ours = opened;
    mk_vm_instance_destroy(ours->instance);
    mk_vm_program_destroy(ours->program);
    mk_free(ours);
}

const kernels_engine_t kernels_ours = {"ours", ours_open, ours_run, ours_close};

kernels_load_t kernels_load(const uint8_t *bytes, size_t size) {
    kernels_load_t   result;
    double           began = bench_now();
    mk_vm_program_t *program = load(bytes, size);
    double           loaded = bench_now();
    result.functions = program->module.function_count - program->module.function_imports;
    for (uint32_t i = program->module.function_imports; i < program->module.function_count; i++) {
        mk_vm_trap_t trap = MK_VM_TRAP_NONE;
        bench_check(mk_vm_program_code(program, i, &trap) != NULL, "translation");
    }
    result.translated = bench_now() - loaded;
    result.validated = loaded - began;
    mk_vm_program_destroy(program);
    return result;
}

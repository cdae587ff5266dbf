/* SPDX-License-Identifier: Apache-2.0 */
/* load.c -- says of each module whether the engine takes it. Reads names of files, one a line, from the file modules.txt where
 * it is started, and answers each with one line: "taken", or "refused <error> <text>". No arguments, because the board has
 * none; the files it gets through its debugger. */
#include "base/mem.h"
#include "vm/validate.h"

#include <stdio.h>
#include <string.h>

static uint8_t *read_file(const char *path, size_t *size) {
    FILE    *file = fopen(path, "rb");
    uint8_t *bytes = NULL;
    if (file == NULL) return NULL;
    if (fseek(file, 0, SEEK_END) == 0) {
        long end = ftell(file);
        bytes = end >= 0 ? mk_alloc((size_t)end) : NULL; /* no byte more, so that reading beyond it is noticed */
        rewind(file);
        *size = bytes != NULL ? fread(bytes, 1, (size_t)end, file) : 0;
    }
    fclose(file);
    return bytes;
}

static void load(const char *path) {
    char           text[MK_VM_ERR_BYTES] = "";
    mk_vm_module_t module;
    size_t         size = 0;
    uint8_t       *bytes = read_file(path, &size);
    if (bytes == NULL) {
        printf("unreadable\n");
        return;
    }
    mk_err_t err = mk_vm_decode(bytes, size, &mk_vm_limits_default, &module, text, sizeof text);
    if (err == MK_OK) err = mk_vm_validate(&module, &mk_vm_limits_default, text, sizeof text);
    if (err == MK_OK) printf("taken\n");
    else printf("refused %s %s\n", mk_err_name(err), text);
    mk_vm_module_fini(&module);
    mk_free(bytes);
}

int main(void) {
    static char path[4096];
    FILE       *list = fopen("modules.txt", "r");
    if (list == NULL) {
        printf("no modules.txt here\n");
        return 2;
    }
    while (fgets(path, sizeof path, list) != NULL) {
        path[strcspn(path, "\n")] = '\0';
        load(path);
    }
    fclose(list);
    return 0;
}

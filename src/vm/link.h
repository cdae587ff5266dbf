/* SPDX-License-Identifier: Apache-2.0 */
/* link.h -- binds the imports of a module to functions of the host and to what other instances of the same store export.
 *
 * Someone is asked for each import by its names; kind and type of what he offers are compared here, so that an instance is
 * never made of parts that do not fit. */
#ifndef MK_VM_LINK_H
#define MK_VM_LINK_H

#include "vm/instance.h"

/* What an import may be bound to: a function of the host, or an export of an instance. */
typedef struct mk_vm_offer {
    mk_vm_host_fn        *fn; /* NULL: an export */
    const void           *arg;
    const char           *signature; /* "(iIfF)i": i32, i64, f32, f64; r is funcref, e externref */
    mk_vm_instance_t     *instance;  /* of the store that the new instance will belong to        */
    const mk_vm_export_t *export;    /* of its module                                            */
} mk_vm_offer_t;

/* False: there is nothing of that name. *out is zero beforehand. */
typedef bool mk_vm_resolve_fn(void *arg, mk_vm_name_t module, mk_vm_name_t name, mk_vm_offer_t *out);

typedef struct mk_vm_links {
    mk_vm_imports_t imports; /* for mk_vm_instance_create() */
    void           *block;   /* that they stand in          */
} mk_vm_links_t;

/* On MK_OK *out is to be given to mk_vm_links_fini() when the instance made with it is gone. Else *out is empty, and `err`
 * names the import: MK_ERR_NOTFOUND, "unknown import: env.foo"; MK_ERR_FORMAT, "incompatible import type: env.foo: function
 * (i32) -> i64 wanted, function () -> () found"; MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t mk_vm_link(const mk_vm_module_t *module, mk_vm_resolve_fn *resolve, void *arg,
                                  mk_vm_links_t *out, char *err, size_t err_size);

/* Harmless on an empty one. */
void mk_vm_links_fini(mk_vm_links_t *links);

#endif

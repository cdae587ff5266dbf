/* SPDX-License-Identifier: Apache-2.0 */
/* batch.c -- a trip to the disk, on a helper thread. A value goes over the file that does not count: its bytes on the disk, then the names
 * that have come; each of these steps for all of the batch together. Until that is done the other file counts, since what is torn has
 * no good sum. Opening looks at the sums of small files alone, so a large one is written aside and gets its name when it is whole.
 *
 * A delete is a put that says so. Only when that is on the disk is the earlier file removed, and only when this, too, is on the disk
 * (a later trip) the one that says so: no order in which a disk forgets brings the value back. */
#include <stdio.h>

#include "base/mem.h"
#include "base/sha256.h"
#include "store/parts.h"

void mk_store_file_name(mk_slice_t name, char which, char out[FILE_NAME_BYTES]) {
    uint8_t digest[MK_SHA256_BYTES];
    mk_sha256(name.data, name.size, digest);
    for (int i = 0; i < FILE_BASE_CHARS / 2; i++) snprintf(out + 2 * (size_t)i, 3, "%02x", digest[i]);
    snprintf(out + FILE_BASE_CHARS, 3, ".%c", which);
}

static bool is_write(const request_t *request) {
    return request->to_disk && request->kind != REQUEST_GET && request->err == MK_OK;
}

static void place_of(const request_t *request, char out[FILE_NAME_BYTES]) {
    mk_store_file_name(request->name, mk_store_slot_char(request->slot), out);
}

/* Where it is written at first. */
static void first_of(const request_t *request, char out[FILE_NAME_BYTES]) {
    if (request->aside) mk_store_file_name(request->name, 't', out);
    else place_of(request, out);
}

static void write_one(mk_disk_t *disk, request_t *request) {
    mk_blob_t blob = {.version = request->version,
                      .mark = request->mark,
                      .deleted = request->kind == REQUEST_DELETE,
                      .name = request->name,
                      .value_size = request->value.size};
    uint8_t   head[MK_BLOB_HEAD_BYTES];
    char      file[FILE_NAME_BYTES];
    mk_blob_put(head, &blob, request->value.data);
    mk_slice_t slices[] = {{head, sizeof head}, request->name, request->value};
    first_of(request, file);
    request->err = mk_disk_write(disk, file, slices, 3);
}

static void all_failed(mk_disk_t *disk, batch_t *batch, mk_err_t err) {
    for (size_t i = 0; i < batch->n; i++) {
        char file[FILE_NAME_BYTES];
        if (!is_write(batch->request[i])) continue;
        batch->request[i]->err = err;
        first_of(batch->request[i], file);
        (void)!mk_disk_remove(disk, file); /* else it may be found by recovering */
    }
}

static mk_err_t sync_files(mk_disk_t *disk, const batch_t *batch) {
    char        text[BATCH_MAX][FILE_NAME_BYTES];
    const char *names[BATCH_MAX];
    size_t      n = 0;
    for (size_t i = 0; i < batch->n; i++) {
        if (!is_write(batch->request[i])) continue;
        first_of(batch->request[i], text[n]);
        names[n] = text[n];
        n++;
    }
    return n != 0 && !batch->unsynced ? mk_disk_sync(disk, names, n) : MK_OK;
}

static size_t give_names(mk_disk_t *disk, batch_t *batch) {
    size_t given = 0;
    for (size_t i = 0; i < batch->n; i++) {
        request_t *request = batch->request[i];
        char       aside[FILE_NAME_BYTES], to[FILE_NAME_BYTES];
        if (!is_write(request)) continue;
        if (request->aside) {
            first_of(request, aside);
            place_of(request, to);
            request->err = mk_disk_rename(disk, aside, to);
            if (request->err != MK_OK) (void)!mk_disk_remove(disk, aside);
        }
        given += request->err == MK_OK;
    }
    return given;
}

static void remove_deleted(mk_disk_t *disk, batch_t *batch) {
    for (size_t i = 0; i < batch->n; i++) {
        request_t *request = batch->request[i];
        char       earlier[FILE_NAME_BYTES];
        if (!is_write(request) || request->kind != REQUEST_DELETE) continue;
        mk_store_file_name(request->name, mk_store_slot_char(1u - request->slot), earlier);
        request->earlier_left = mk_disk_remove(disk, earlier) != MK_OK; /* void, as long as the later one is there */
    }
}

/* A full disk has no room for a file that says that a name is gone. So it goes without, which makes room: the earlier file first, and only
 * when that is on the disk the one that counts. */
static void delete_without_words(mk_disk_t *disk, batch_t *batch) {
    mk_err_t err = MK_OK;
    bool     any = false;
    for (unsigned later = 0; later < 2 && err == MK_OK; later++) {
        for (size_t i = 0; i < batch->n; i++) {
            request_t *request = batch->request[i];
            char       file[FILE_NAME_BYTES];
            if (request->kind != REQUEST_DELETE || !request->to_disk || request->err != MK_ERR_FULL) continue;
            any = true;
            mk_store_file_name(request->name, mk_store_slot_char(later ? 1u - request->slot : request->slot), file);
            err = mk_disk_remove(disk, file);
            if (err != MK_OK) break;
            request->removed = later;
        }
        if (!any) return;
        if (err == MK_OK && !batch->unsynced) err = mk_disk_settle(disk);
    }
    for (size_t i = 0; i < batch->n; i++)
        if (batch->request[i]->kind == REQUEST_DELETE && batch->request[i]->err == MK_ERR_FULL)
            batch->request[i]->err = err;
}

static void do_writes(mk_disk_t *disk, batch_t *batch) {
    for (size_t i = 0; i < batch->n; i++)
        if (is_write(batch->request[i])) write_one(disk, batch->request[i]);
    mk_err_t err = sync_files(disk, batch);
    if (err != MK_OK) {
        all_failed(disk, batch, err);
        return;
    }
    if (give_names(disk, batch) == 0) return;
    if (!batch->unsynced && (err = mk_disk_settle(disk)) != MK_OK) {
        all_failed(disk, batch, err); /* which may have happened all the same: nobody can know */
        return;
    }
    /* The removals of earlier trips are on the disk by now. */
    for (size_t i = 0; i < batch->tombs_n; i++)
        batch->tomb[i].removed = mk_disk_remove(disk, batch->tomb[i].file) == MK_OK;
    remove_deleted(disk, batch);
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

/* MK_ERR_NOTFOUND also for a file that says that the name is gone. */
static mk_err_t read_slot(mk_disk_t *disk, request_t *request, unsigned slot, size_t bytes_max) {
    char           file[FILE_NAME_BYTES];
    uint8_t       *bytes;
    size_t         size;
    mk_blob_t      blob;
    const uint8_t *value = NULL;
    mk_store_file_name(request->name, mk_store_slot_char(slot), file);
    mk_err_t err = mk_disk_read(disk, file, bytes_max, &bytes, &size);
    if (err != MK_OK) return err == MK_ERR_TOOLONG ? MK_ERR_FORMAT : err;
    err = mk_blob_get_value(bytes, size, &blob, &value);
    if (err == MK_OK && mk_names_compare(blob.name, request->name) != 0) err = MK_ERR_FORMAT;
    if (err == MK_OK && blob.deleted) err = MK_ERR_NOTFOUND;
    if (err != MK_OK) {
        mk_free(bytes);
        return err;
    }
    request->file = bytes;
    request->found = (mk_slice_t){value, blob.value_size};
    request->mark = blob.mark;
    request->slot = (uint8_t)slot;
    return MK_OK;
}

static void do_get(mk_disk_t *disk, request_t *request, size_t bytes_max) {
    unsigned first = request->slot;
    request->err = read_slot(disk, request, first, bytes_max);
    if (request->err != MK_ERR_FORMAT && request->err != MK_ERR_NOTFOUND) return;
    /* It was there when it was put. */
    request->damaged++;
    request->err = read_slot(disk, request, 1u - first, bytes_max);
    if (request->err == MK_ERR_FORMAT) request->damaged++;
    if (request->err == MK_ERR_NOTFOUND) request->err = MK_ERR_FORMAT;
}

void mk_store_batch_run(mk_disk_t *disk, batch_t *batch) {
    for (size_t i = 0; i < batch->n; i++)
        if (batch->request[i]->kind == REQUEST_GET && batch->request[i]->to_disk)
            do_get(disk, batch->request[i], batch->file_bytes_max);
    do_writes(disk, batch);
    delete_without_words(disk, batch);
}

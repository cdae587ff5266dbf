/* SPDX-License-Identifier: Apache-2.0 */
/* keys.c -- with what this node proves itself, read again when a file changes: new links use it, links that stand go on.
 *
 * A helper thread looks at the files, because a disk may be slow; only when one has changed are they read, here, since they are
 * small and that is rare. A file that cannot be read or understood changes nothing but the log. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "loop/jobs.h"
#include "node/cluster_parts.h"

enum { LOOK_MS = 5000 };

/* A look at the files. It outlives the cluster when that ends meanwhile. */
struct mk_key_look {
    mk_job_t      job;
    mk_cluster_t *cluster; /* NULL: ended */
    mk_key_file_t files[MK_KEY_FILES];
    bool          changed;
};

static void look_at(mk_key_file_t *file) {
    mk_file_info_t info = {0};
    int            fd = -1;
    if (mk_file_open(NULL, file->path, &fd, &info) != MK_OK) return; /* gone, or being replaced: what is known stays */
    mk_file_close(fd);
    file->bytes = info.bytes;
    file->id = info.id;
    file->modified_ns = info.modified_ns;
}

static void run_look(mk_job_t *job) {
    struct mk_key_look *look = mk_container_of(job, struct mk_key_look, job);
    for (int i = 0; i < MK_KEY_FILES; i++) {
        mk_key_file_t *file = &look->files[i], before = *file;
        if (file->path == NULL) continue;
        look_at(file);
        if (file->bytes != before.bytes || file->id != before.id || file->modified_ns != before.modified_ns)
            look->changed = true;
    }
}

static void free_files(mk_key_file_t *files) {
    for (int i = 0; i < MK_KEY_FILES; i++) mk_free(files[i].path);
}

static mk_err_t load(mk_cluster_t *cluster, mk_keyring_t **out) {
    char                 why[MK_SECRETS_WHY_BYTES] = "";
    const mk_key_file_t *files = cluster->key_files;
    mk_err_t err = mk_keyring_load(files[MK_KEY_SECRET].path, files[MK_KEY_CERTIFICATE].path, files[MK_KEY_KEY].path,
                                   files[MK_KEY_AUTHORITY].path, out, why);
    if (err != MK_OK) actor_log(cluster->rt, MK_LOG_ERROR, "node: %s", why[0] != '\0' ? why : mk_err_text(err));
    return err;
}

static void on_changed(mk_cluster_t *cluster, const mk_key_file_t *seen) {
    mk_keyring_t *keys;
    for (int i = 0; i < MK_KEY_FILES; i++) {
        char *path = cluster->key_files[i].path;
        cluster->key_files[i] = seen[i];
        cluster->key_files[i].path = path;
    }
    if (load(cluster, &keys) != MK_OK) {
        actor_log(cluster->rt, MK_LOG_WARN, "node: the keys have changed and cannot be used; the former ones stay");
        return;
    }
    mk_keyring_release(cluster->keys);
    cluster->keys = keys;
    mk_doors_rekey(cluster);
    mk_udp_dial_rekey(cluster);
    actor_log(cluster->rt, MK_LOG_INFO, "node: the keys have changed; new links use them");
}

static void arm(mk_cluster_t *cluster) {
    mk_wheel_arm(&cluster->loop->wheel, &cluster->look_timer, mk_loop_after_ms(cluster->loop, LOOK_MS));
}

static void on_looked(mk_loop_t *loop, mk_job_t *job) {
    struct mk_key_look *look = mk_container_of(job, struct mk_key_look, job);
    mk_cluster_t       *cluster = look->cluster;
    (void)loop;
    if (cluster != NULL) {
        cluster->look = NULL;
        if (look->changed) on_changed(cluster, look->files);
        arm(cluster);
    }
    free_files(look->files);
    mk_free(look);
}

/* The job has paths of its own: the cluster may end before it does. */
static struct mk_key_look *create_look(mk_cluster_t *cluster) {
    struct mk_key_look *look = mk_calloc(1, sizeof *look);
    if (look == NULL) return NULL;
    look->job = (mk_job_t){.run = run_look, .done = on_looked};
    look->cluster = cluster;
    for (int i = 0; i < MK_KEY_FILES; i++) {
        look->files[i] = cluster->key_files[i];
        const char *path = cluster->key_files[i].path;
        if (path != NULL) look->files[i].path = mk_strndup(path, strlen(path));
        if (path == NULL || look->files[i].path != NULL) continue;
        free_files(look->files);
        mk_free(look);
        return NULL;
    }
    return look;
}

static void on_time(mk_wheel_t *wheel, mk_timer_t *timer) {
    mk_cluster_t       *cluster = mk_container_of(timer, mk_cluster_t, look_timer);
    struct mk_key_look *look = create_look(cluster);
    (void)wheel;
    if (look != NULL && mk_job_start(cluster->loop, &look->job) == MK_OK) {
        cluster->look = look;
        return;
    }
    if (look != NULL) free_files(look->files);
    mk_free(look);
    arm(cluster); /* another time */
}

mk_err_t mk_keys_open(mk_cluster_t *cluster, const node_config_t *config) {
    const char *paths[MK_KEY_FILES] = {config->secret_file, config->certificate_file, config->key_file,
                                       config->authority_file};
    const char *chosen = getenv("MK_SECRET_FILE");
    bool        any = false;
    if (paths[MK_KEY_SECRET] == NULL && chosen != NULL && chosen[0] != '\0') paths[MK_KEY_SECRET] = chosen;
    for (int i = 0; i < MK_KEY_FILES; i++) {
        mk_key_file_t *file = &cluster->key_files[i];
        if (paths[i] == NULL) continue;
        if ((file->path = mk_strndup(paths[i], strlen(paths[i]))) == NULL) return MK_ERR_NOMEM;
        look_at(file); /* before it is read: what changes in between is read once more */
        any = true;
    }
    if (!any) return MK_OK;
    mk_err_t err = load(cluster, &cluster->keys);
    if (err != MK_OK) return err;
    cluster->look_timer.fn = on_time;
    arm(cluster);
    return MK_OK;
}

void mk_keys_close(mk_cluster_t *cluster) {
    if (cluster->look != NULL) cluster->look->cluster = NULL;
    mk_wheel_cancel(&cluster->loop->wheel, &cluster->look_timer);
    mk_keyring_release(cluster->keys);
    free_files(cluster->key_files);
}

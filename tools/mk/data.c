/* SPDX-License-Identifier: Apache-2.0 */
#include "data.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "microkernel/local_ai.h"
#include "microkernel/local_kv.h"
#include "microkernel/local_queue.h"
#include "microkernel/local_sql.h"
#include "microkernel/state_persist.h"
#include "microkernel/services.h"
#include "microkernel/storage.h"

/* Of what can be wrong with a folder the store says one thing only: that it has not got it. */
static int check_folder(const char *command, const char *folder) {
    struct stat st;
    if (stat(folder, &st) != 0) return mk_cli_fail(command, "%s: %s", folder, strerror(errno));
    if (!S_ISDIR(st.st_mode)) return mk_cli_fail(command, "%s: %s", folder, strerror(ENOTDIR));
    if (access(folder, R_OK | X_OK) != 0) return mk_cli_fail(command, "%s: %s", folder, strerror(errno));
    return MK_CLI_OK;
}

/* One storage holds state, values and the queue; the database is a file of its own beside theirs. */
static int open_folder(runtime_t *rt, const char *command, const char *folder, uint64_t bytes_max) {
    char                 file[PATH_MAX];
    local_kv_config_t    kv = {.folder = folder};
    local_queue_config_t queue = {.folder = folder};
    local_sql_config_t   sql = {.file = file, .file_bytes_max = bytes_max};
    storage_options_t    options = {.bytes_max = bytes_max};
    storage_t           *storage;
    int                  size = snprintf(file, sizeof file, "%s/node.db", folder);
    if (size < 0 || (size_t)size >= sizeof file) return mk_cli_fail(command, "%s: %s", folder, strerror(ENAMETOOLONG));
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) return mk_cli_fail(command, "%s: %s", folder, strerror(errno));
    if (check_folder(command, folder) != MK_CLI_OK) return MK_CLI_FAILED;
    if (access(folder, W_OK) != 0) /* each write will be refused, to a guest that does not know where things are kept */
        actor_log(rt, MK_LOG_ERROR, "--data %s: what is there can be read, and nothing can be written: %s", folder,
                  strerror(errno));
    /* Opened first, so that it is one with a limit for all who find it open. */
    if (storage_open(rt, folder, &options, &storage) != MK_OK || !state_persist_init(rt, folder))
        return mk_cli_fail(command, "%s: another node has it, or it cannot be used (see the log)", folder);
    if (local_kv_init(rt, &kv) == ACTOR_ID_INVALID) return mk_cli_fail(command, "%s: no key-value store", folder);
    if (local_queue_init(rt, &queue) == ACTOR_ID_INVALID) return mk_cli_fail(command, "%s: no queue", folder);
    (void)local_sql_init(rt, &sql); /* a build may have none, which is logged */
    return MK_CLI_OK;
}

int mk_data_open(runtime_t *rt, const char *command, const mk_settings_t *settings) {
    const char *model = getenv("MK_AI_URL");
    bool        asked = model != NULL && model[0] != '\0';
    if (asked && strncasecmp(model, "http://", 7) != 0 && strncasecmp(model, "https://", 8) != 0)
        return mk_cli_fail(command, "MK_AI_URL: '%s' is no address that begins with http:// or https://", model);
    if (asked && local_ai_init(rt, NULL) == ACTOR_ID_INVALID)
        return mk_cli_fail(command,
                           "MK_AI_URL, MK_AI_MODEL, MK_AI_KEY: one of them is too long, or this build has no cJSON");
    return settings->data != NULL ? open_folder(rt, command, settings->data, (uint64_t)settings->data_mib << 20)
                                  : MK_CLI_OK;
}

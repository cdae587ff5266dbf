/* SPDX-License-Identifier: Apache-2.0 */
/* mk -- a node on the command line. One file per subcommand; each is one line here. */
#include <fcntl.h>
#include <unistd.h>

#include "cli.h"

static const mk_command_t *const commands[] = {
    &mk_command_shell,   &mk_command_run,    &mk_command_node, &mk_command_nodes, &mk_command_reload,
    &mk_command_inspect, &mk_command_secret, &mk_command_cert, &mk_command_sign,  NULL,
};

/* Started without standard descriptors, the first files opened would take their place and get what is printed. */
static void fill_standard_descriptors(void) {
    int fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO) fd = open("/dev/null", O_RDWR);
    if (fd > STDERR_FILENO) close(fd);
}

int main(int argc, char **argv) {
    fill_standard_descriptors();
    return mk_cli_run(commands, argc, argv);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* terminal.c -- not to wait on output without switching the terminal itself to non-blocking, which would also hit the
 * shell that started us and every program after us: the descriptor is opened again through /proc, which gives an open
 * file description of our own. Where that is refused, writes are small and only made when poll(2) promises room. */
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

/* For the handlers below, which can be given nothing else. */
static struct termios        saved_mode;
static volatile sig_atomic_t raw_fd = -1;

static void restore_mode(void) {
    if (raw_fd < 0) return;
    tcsetattr(raw_fd, TCSANOW, &saved_mode); /* async-signal-safe */
    raw_fd = -1;
}

static void on_crash(int number) {
    restore_mode();
    signal(number, SIG_DFL);
    raise(number);
}

/* Handlers that somebody else has installed (a sanitizer's) stay: their report is worth more than the echo. */
static void restore_on_crash(void) {
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGQUIT};
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) {
        struct sigaction now;
        if (sigaction(crashes[i], NULL, &now) == 0 && now.sa_handler == SIG_DFL) signal(crashes[i], on_crash);
    }
}

/* Keys arrive one by one and unechoed, Ctrl-C as a byte; what is written arrives as it was written. */
static bool raw_mode(int fd) {
    struct termios mode;
    if (tcgetattr(fd, &saved_mode) != 0) return false;
    mode = saved_mode;
    mode.c_iflag &= ~(tcflag_t)(BRKINT | ICRNL | INLCR | IGNCR | INPCK | ISTRIP | IXON);
    mode.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN | ISIG);
    mode.c_oflag &= ~(tcflag_t)OPOST;
    mode.c_cflag |= CS8;
    mode.c_cc[VMIN] = 1;
    mode.c_cc[VTIME] = 0;
    if (tcsetattr(fd, TCSANOW, &mode) != 0) return false;
    raw_fd = fd;
    atexit(restore_mode);
    restore_on_crash();
    return true;
}

static bool can_edit(void) {
    const char *term = getenv("TERM");
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term != NULL && term[0] != '\0' &&
           strcmp(term, "dumb") != 0;
}

static void open_output(mk_terminal_t *terminal) {
    struct stat status;
    terminal->out_fd = STDOUT_FILENO;
    if (fstat(STDOUT_FILENO, &status) != 0) return;
    terminal->out_socket = S_ISSOCK(status.st_mode);
    terminal->out_private = S_ISREG(status.st_mode) || terminal->out_socket; /* neither needs another description */
    if (!S_ISFIFO(status.st_mode) && !S_ISCHR(status.st_mode)) return;
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", STDOUT_FILENO);
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) return;
    terminal->out_fd = fd;
    terminal->out_private = terminal->out_owned = true;
}

void mk_terminal_open_output(mk_terminal_t *terminal) {
    memset(terminal, 0, sizeof *terminal);
    terminal->in_fd = STDIN_FILENO;
    terminal->out_is_terminal = isatty(STDOUT_FILENO) != 0;
    open_output(terminal);
    signal(SIGPIPE, SIG_IGN); /* a reader that goes away is a failed write */
}

void mk_terminal_open(mk_terminal_t *terminal) {
    mk_terminal_open_output(terminal);
    terminal->edit = can_edit() && raw_mode(STDIN_FILENO);
}

void mk_terminal_close(mk_terminal_t *terminal) {
    restore_mode();
    if (terminal->out_owned) close(terminal->out_fd);
    terminal->out_owned = false;
}

/* ---- console_io ------------------------------------------------------------------------------------------------- */

/* Only called when the descriptor is ready, so it does not wait although the descriptor would. */
static ptrdiff_t read_input(void *arg, void *buf, size_t cap) {
    const mk_terminal_t *terminal = arg;
    ssize_t              got = read(terminal->in_fd, buf, cap);
    if (got >= 0) return got;
    return errno == EAGAIN || errno == EINTR ? CONSOLE_IO_WAIT : CONSOLE_IO_FAILED;
}

/* A pipe with room has room for PIPE_BUF; a terminal's queue is larger than this. */
enum { CAREFUL_BYTES = 256 };

static bool has_room(int fd) {
    struct pollfd poller = {.fd = fd, .events = POLLOUT};
    return poll(&poller, 1, 0) != 0;
}

static ptrdiff_t write_output(void *arg, const void *data, size_t size) {
    const mk_terminal_t *terminal = arg;
    ssize_t              wrote;
    if (terminal->out_socket) {
        wrote = send(terminal->out_fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    } else if (terminal->out_private) {
        wrote = write(terminal->out_fd, data, size);
    } else if (has_room(terminal->out_fd)) {
        wrote = write(terminal->out_fd, data, size < CAREFUL_BYTES ? size : CAREFUL_BYTES);
    } else {
        return CONSOLE_IO_WAIT;
    }
    if (wrote > 0) return wrote;
    return wrote < 0 && (errno == EAGAIN || errno == EINTR) ? CONSOLE_IO_WAIT : CONSOLE_IO_FAILED;
}

static unsigned columns(void *arg) {
    const mk_terminal_t *terminal = arg;
    struct winsize       size;
    return ioctl(terminal->out_fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

console_io_t mk_terminal_io(mk_terminal_t *terminal) {
    return (console_io_t){
        .arg = terminal,
        .read = read_input,
        .write = write_output,
        .columns = columns,
        .in_fd = terminal->in_fd,
        .out_fd = terminal->out_fd,
    };
}

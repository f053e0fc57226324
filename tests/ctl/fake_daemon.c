#include "fake_daemon.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

static size_t body_length(const char *head)
{
        const char *at = strcasestr(head, "content-length:");

        return at ? strtoul(at + strlen("content-length:"), NULL, 10) : 0;
}

static void read_request(int fd, struct buf *out)
{
        char data[4096];

        for (;;) {
                const char *end = strstr(buf_str(out), "\r\n\r\n");
                if (end && out->len >= (size_t)(end + 4 - out->data) + body_length(out->data))
                        return;
                ssize_t n = read(fd, data, sizeof data);
                if (n <= 0)
                        return;
                buf_put(out, data, (size_t)n);
        }
}

static void answer(int fd, const struct rule *r)
{
        AUTO_BUF out = BUF_INIT;

        if (r->hold_ms)
                usleep((useconds_t)r->hold_ms * 1000);
        buf_printf(&out,
                   "HTTP/1.1 %d X\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                   "Connection: close\r\n\r\n%s",
                   r->status, r->type, strlen(r->body), r->body);
        fd_write_all(fd, out.data, out.len);
}

static const struct rule *find_rule(const struct rule *rules, size_t count, const char *request)
{
        static const struct rule none = { "", 404, "text/html", "no rule", 0 };

        for (size_t i = 0; i < count; i++)
                if (strstr(request, rules[i].when))
                        return &rules[i];
        return &none;
}

/* A child serves each connection, so that a delayed answer delays no other answer. */
static void serve(int listener, const struct rule *rules, size_t count)
{
        signal(SIGCHLD, SIG_IGN);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
                int fd = accept(listener, NULL, NULL);
                if (fd < 0)
                        _exit(0);
                if (fork() == 0) {
                        AUTO_BUF request = BUF_INIT;
                        read_request(fd, &request);
                        answer(fd, find_rule(rules, count, buf_str(&request)));
                        _exit(0);
                }
                close(fd);
        }
}

void fake_daemon_start(struct fake_daemon *d, const struct rule *rules, size_t count)
{
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        struct err e;

        *d = (struct fake_daemon){ 0 };
        strcpy(d->dir, "/tmp/ctl-test.XXXXXX");
        cr_assert_not_null(mkdtemp(d->dir));
        snprintf(sa.sun_path, sizeof sa.sun_path, "%s/s.sock", d->dir);
        snprintf(d->url, sizeof d->url, "unix://%s", sa.sun_path);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        cr_assert(bind(fd, (struct sockaddr *)&sa, sizeof sa) == 0 && listen(fd, 64) == 0);
        d->pid = fork();
        cr_assert_geq(d->pid, 0);
        if (d->pid == 0)
                serve(fd, rules, count);
        close(fd);
        cr_assert(session_init(&d->ctl.session, d->url, NULL, NULL, &e));
        d->ctl.out = d->ctl.talk = open_memstream(&d->out_text, &d->out_len);
        d->ctl.err = open_memstream(&d->err_text, &d->err_len);
        d->ctl.in = (struct input){ .fd = -1, .interrupt_fd = -1 };
}

const char *fake_daemon_said(struct fake_daemon *d)
{
        fflush(d->ctl.out);
        return d->out_text;
}

const char *fake_daemon_complained(struct fake_daemon *d)
{
        fflush(d->ctl.err);
        return d->err_text;
}

void fake_daemon_stop(struct fake_daemon *d)
{
        char path[128];

        kill(d->pid, SIGKILL);
        waitpid(d->pid, NULL, 0);
        snprintf(path, sizeof path, "%s/s.sock", d->dir);
        unlink(path);
        rmdir(d->dir);
        session_release(&d->ctl.session);
        fclose(d->ctl.out);
        fclose(d->ctl.err);
        free(d->out_text);
        free(d->err_text);
}

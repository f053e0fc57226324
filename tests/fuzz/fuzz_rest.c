/* What clients send to a whole daemon on a kernel of paper: requests as text, to every route, with
 * bodies of JSON and XML. Nothing may crash, and each complete answer begins as one. */
#include <assert.h>
#include <ev.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../fakes/kernel.h"
#include "../fakes/world.h"
#include "api/http/conn.h"
#include "api/rest/events.h"
#include "engine/core/supervisor.h"
#include "engine/run/reaper.h"

static const char text[] = "[supervisord]\n"
                           "childlogdir=/dev/shm\n"
                           "[program:cat]\n"
                           "command=/bin/cat\n"
                           "autostart=false\n"
                           "startsecs=0\n"
                           "stdout_logfile=NONE\n"
                           "stderr_logfile=NONE\n"
                           "[program:web]\n"
                           "command=/bin/sleep 1\n"
                           "process_name=%(program_name)s_%(process_num)02d\n"
                           "numprocs=2\n"
                           "numprocs_max=4\n"
                           "startsecs=10\n"
                           "autostart=false\n"
                           "stdout_logfile=NONE\n"
                           "stderr_logfile=NONE\n";

static struct supervisor sup;
static struct fake_kernel kernel;
static struct fake_world host;
static struct ev_loop *loop;
static struct api api;
static struct listener from;

static void begin(void)
{
        struct diags diags = { 0 };
        struct err e = { 0 };

        sup = (struct supervisor){ 0 };
        kernel_init(&kernel);
        kernel.obeys_term = true;
        fake_world_init(&host);
        fake_world_dir(&host, "/dev");
        fake_world_dir(&host, "/dev/shm");
        fake_world_file(&host, "/etc/s.conf", text);
        loop = ev_loop_new(EVFLAG_AUTO);
        struct config *c = config_load("/etc/s.conf", WANT_DAEMON, NULL, 0, &host.ops, &diags);
        assert(c && loop);
        diags_release(&diags);
        assert(supervisor_init(&sup, components, loop, &kernel.ops, &host.ops, NULL, c, &e) &&
               supervisor_add_all(&sup, &e));
        supervisor_begin(&sup);
        api = (struct api){
                .sup = &sup, .loop = loop, .route = route, .row = route_row, .place_max = 10
        };
        api.events = events_new(&sup, 1);
        assert(api.events);
        from = (struct listener){ .api = &api, .refs = 1, .conf.kind = SERVER_UNIX };
}

static void end(void)
{
        while (api.conns)
                conn_close(api.conns);
        events_free(api.events);
        supervisor_release(&sup);
        kernel_release(&kernel);
        fake_world_release(&host);
        ev_loop_destroy(loop);
}

static void spin(void)
{
        for (int i = 0; i < 8; i++) {
                ev_run(loop, EVRUN_NOWAIT);
                reaper_drain(&sup);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char answer[65536];
        int fds[2];

        if (size > 60000)
                return 0;
        begin();
        assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
        assert(conn_new(&api, &from, fds[0]));
        assert(size == 0 || send(fds[1], data, size, MSG_NOSIGNAL) > 0);
        spin();
        ssize_t n = read(fds[1], answer, sizeof answer);
        assert(n < 9 || memcmp(answer, "HTTP/1.", 7) == 0);
        close(fds[1]);
        spin();
        end();
        return 0;
}

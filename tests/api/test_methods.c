#include <criterion/criterion.h>
#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../fakes/kernel.h"
#include "../fakes/world.h"
#include "api/rpc/methods.h"
#include "engine/core/startup.h"
#include "engine/order/orders.h"
#include "engine/run/reaper.h"

/* The table of methods over a real engine whose kernel is the fake one. Parameters are written as
 * XML, results read as their text: "name cat group cat status 80 description OK". */
static struct supervisor sup;
static struct fake_kernel kernel;
static struct fake_world host;
static struct ev_loop *loop;
static struct caller caller;
static struct buf out, seen;
static struct rpc_call now;
static enum right granted;
static bool done;
static char dir[64];

static const char text[] = "[supervisord]\n"
                           "childlogdir=%s\n"
                           "%s\n"
                           "[program:cat]\n"
                           "command=/bin/cat\n"
                           "autostart=false\n"
                           "startsecs=0\n"
                           "exitcodes=2,0\n"
                           "stdout_logfile=%s/cat.log\n"
                           "stderr_logfile=NONE\n"
                           "[program:web]\n"
                           "command=/bin/sleep 1\n"
                           "process_name=%%(program_name)s_%%(process_num)d\n"
                           "numprocs=2\n"
                           "startsecs=0\n"
                           "autostart=false\n"
                           "stdout_logfile=NONE\n"
                           "stderr_logfile=NONE\n"
                           "[program:lost]\n"
                           "command=/nonexistent/command\n"
                           "autostart=false\n"
                           "stdout_logfile=NONE\n"
                           "stderr_logfile=NONE\n";

#define RPC                                                             \
        "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = " \
        "supervisor.rpcinterface:make_main_rpcinterface"

static void write_conf(const char *more)
{
        char conf[2048];

        snprintf(conf, sizeof conf, text, dir, more, dir);
        fake_world_file(&host, "/etc/s.conf", conf);
}

static struct config *load(void)
{
        struct diags diags = { 0 };
        struct config *c = config_load("/etc/s.conf", WANT_DAEMON, NULL, 0, &host.ops, &diags);
        const struct diag *first = diags_first_error(&diags);

        cr_assert_not_null(c, "%s", first ? first->message : "?");
        diags_release(&diags);
        return c;
}

static void open_with(const char *more)
{
        struct err e = { 0 };

        granted = RIGHT_ADMIN;
        strcpy(dir, "/tmp/api-methods.XXXXXX");
        cr_assert_not_null(mkdtemp(dir));
        kernel_init(&kernel);
        kernel.obeys_term = true;
        fake_world_init(&host);
        fake_world_dir(&host, dir);
        write_conf(more);
        loop = ev_loop_new(EVFLAG_AUTO);
        cr_assert(
            supervisor_init(&sup, components, loop, &kernel.ops, &host.ops, NULL, load(), &e) &&
                supervisor_add_all(&sup, &e),
            "%s", e.text);
        supervisor_begin(&sup);
        out = seen = BUF_INIT;
}

static void setup(void)
{
        open_with(RPC);
}

static void teardown(void)
{
        char path[128];

        method_release(&now);
        supervisor_release(&sup);
        kernel_release(&kernel);
        fake_world_release(&host);
        buf_release(&out);
        buf_release(&seen);
        ev_loop_destroy(loop);
        snprintf(path, sizeof path, "%s/cat.log", dir);
        unlink(path);
        cr_expect_eq(rmdir(dir), 0, "something is left in %s", dir);
}

TestSuite(methods, .init = setup, .fini = teardown);

/* ---- calling */

static void on_done(struct rpc_call *c)
{
        (void)c;
        done = true;
}

/* Words without the tags around them. */
static const char *words(const char *xml)
{
        bool tag = false, blank = true;

        buf_reset(&seen);
        for (; *xml; xml++) {
                if (*xml == '<' || *xml == '>')
                        tag = *xml == '<';
                bool text_here = !tag && *xml != '>' && *xml != '\n';
                if (text_here)
                        buf_putc(&seen, *xml);
                else if (!blank)
                        buf_putc(&seen, ' ');
                blank = !text_here;
        }
        while (seen.len && seen.data[seen.len - 1] == ' ')
                seen.data[--seen.len] = '\0';
        return buf_str(&seen);
}

#define S(s) "<param><value><string>" s "</string></value></param>"
#define I(n) "<param><value><int>" #n "</int></value></param>"
#define B(n) "<param><value><boolean>" #n "</boolean></value></param>"

/* "fault: ..." or the words of the result; "later" when it has to wait. */
static const char *call(const char *name, const char *params_xml)
{
        AUTO_BUF body = BUF_INIT;
        struct value *params = NULL;
        char *method = NULL;
        struct err e = { 0 };

        method_release(&now);
        buf_reset(&out);
        done = false;
        buf_printf(&body, "<methodCall><methodName>%s</methodName><params>%s</params></methodCall>",
                   name, params_xml);
        cr_assert(xml_read_call(buf_str(&body), body.len, 0, &method, &params, &e), "%s", e.text);
        now = (struct rpc_call){
                .sup = &sup, .by = &caller, .granted = granted, .out = &out, .on_done = on_done
        };
        enum rpc_status st = method_call(&now, method, params);
        free(method);
        value_free(params);
        for (int i = 0; st == RPC_LATER && !done && i < 20; i++) {
                ev_run(loop, EVRUN_NOWAIT);
                reaper_drain(&sup);
        }
        if (st == RPC_LATER && !done)
                return "later";
        if (now.fault == FAULT_NONE)
                return words(buf_str(&out));
        buf_reset(&seen);
        buf_printf(&seen, "fault: %d %s", (int)now.fault, buf_str(&now.fault_text));
        return buf_str(&seen);
}

static void expect(const char *name, const char *params, const char *answer)
{
        const char *got = call(name, params);

        cr_expect_str_eq(got, answer, "%s(%s): %s", name, params, got);
}

static void expect_part(const char *name, const char *params, const char *part)
{
        const char *got = call(name, params);

        cr_expect_not_null(strstr(got, part), "%s(%s): %s", name, params, got);
}

/* ---- the table */

Test(methods, are_sorted_and_described)
{
        int count = 0;

        for (const struct method *m = methods; m->name; m++, count++) {
                cr_expect(m->run && *m->result && *m->help, "%s", m->name);
                cr_expect(!m[1].name || strcmp(m->name, m[1].name) < 0, "%s", m->name);
                char params[256];
                snprintf(params, sizeof params, "<param><value>%s</value></param>", m->name);
                expect_part("system.methodHelp", params, "@return");
                expect_part("system.methodSignature", params, m->result);
        }
        cr_expect_eq(count, 41, "%d", count);
        expect_part("system.listMethods", "", "supervisor.addProcessGroup supervisor.clearAll");
        expect("system.methodHelp", S("no"), "fault: 4 SIGNATURE_UNSUPPORTED");
        expect("system.methodSignature", S("supervisor.startProcess"), "boolean string boolean");
        expect("system.methodSignature", S("supervisor"), "fault: 4 SIGNATURE_UNSUPPORTED");
}

Test(methods, check_the_number_and_types_of_parameters)
{
        static const char wrong[] = "fault: 2 INCORRECT_PARAMETERS";

        expect("supervisor.nope", "", "fault: 1 UNKNOWN_METHOD");
        expect("supervisor.getState", I(1), wrong);
        expect("supervisor.getProcessInfo", "", wrong);
        expect("supervisor.getProcessInfo", I(1), wrong);
        expect("supervisor.startProcess", S("cat") B(1) B(1), wrong);
        expect("supervisor.readProcessStdoutLog", S("cat") S("x") I(0), wrong);
        expect("supervisor.sendProcessStdin", S("cat") I(5), "fault: 2 INCORRECT_PARAMETERS: 5");
        expect("supervisor.readProcessStdoutLog", S("zz") S("0") S(" 12"),
               "fault: 10 BAD_NAME: zz");
        expect("supervisor.sendRemoteCommEvent", I(1) I(2), "1");
}

Test(methods, take_bad_names_for_what_they_are)
{
        static const char *const names[] = {
                "supervisor.getProcessInfo",     "supervisor.startProcess",
                "supervisor.stopProcess",        "supervisor.startProcessGroup",
                "supervisor.stopProcessGroup",   "supervisor.clearProcessLog",
                "supervisor.clearProcessLogs",   "supervisor.addProcessGroup",
                "supervisor.removeProcessGroup",
        };
        static const char *const logs[] = {
                "readProcessLog", "readProcessStdoutLog", "readProcessStderrLog",
                "tailProcessLog", "tailProcessStdoutLog", "tailProcessStderrLog",
        };

        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                expect(names[i], S("zz"), "fault: 10 BAD_NAME: zz");
        for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
                char name[64];
                snprintf(name, sizeof name, "supervisor.%s", logs[i]);
                expect(name, S("zz") I(0) I(0), "fault: 10 BAD_NAME: zz");
        }
        expect("supervisor.signalProcess", S("zz") S("HUP"), "fault: 10 BAD_NAME: zz");
        expect("supervisor.signalProcessGroup", S("zz") S("HUP"), "fault: 10 BAD_NAME: zz");
        expect("supervisor.sendProcessStdin", S("zz") S("x"), "fault: 10 BAD_NAME: zz");
        expect("supervisor.getProcessInfo", S("web:*"), "fault: 10 BAD_NAME: web:*");
        expect("supervisor.getProcessInfo", S("cat:cat:cat"), "fault: 10 BAD_NAME: cat:cat:cat");
}

/* ---- the daemon */

Test(methods, say_what_the_daemon_is)
{
        char pid[32];

        snprintf(pid, sizeof pid, "%d", (int)getpid());
        expect("supervisor.getAPIVersion", "", "3.0");
        expect("supervisor.getVersion", "", "3.0");
        expect("supervisor.getSupervisorVersion", "", "4.2.5");
        expect("supervisor.getIdentification", "", "supervisor");
        expect("supervisor.getState", "", "statecode 1 statename RUNNING");
        expect("supervisor.getPID", "", pid);
        expect_part("supervisor.readLog", I(0) I(0), "fault: 20 NO_FILE");
        expect_part("supervisor.readMainLog", I(0) I(0), "fault: 20 NO_FILE");
        expect("supervisor.clearLog", "", "fault: 20 NO_FILE");
}

Test(methods, read_the_file_again_and_add_and_remove_groups)
{
        expect("supervisor.reloadConfig", "", "");
        expect("supervisor.addProcessGroup", S("cat"), "fault: 90 ALREADY_ADDED: cat");
        write_conf(RPC "\n[program:new]\ncommand=/bin/cat\nautostart=false\nstdout_logfile=NONE\n"
                       "stderr_logfile=NONE\n");
        expect("supervisor.reloadConfig", "", "new");
        expect_part("supervisor.getAllConfigInfo", "", "group new group_prio 999 inuse 0");
        expect("supervisor.addProcessGroup", S("new"), "1");
        expect("supervisor.reloadConfig", "", "");
        expect("supervisor.startProcess", S("cat"), "1");
        expect("supervisor.removeProcessGroup", S("cat"), "fault: 91 STILL_RUNNING: cat");
        expect("supervisor.removeProcessGroup", S("new"), "1");
        expect("supervisor.removeProcessGroup", S("new"), "fault: 10 BAD_NAME: new");
        write_conf("[program:x]\nstartsecs=soon\n");
        expect_part("supervisor.reloadConfig", "", "fault: 92 CANT_REREAD: ");
        expect_part("supervisor.restart", "", "fault: 92 CANT_REREAD: ");
        expect("supervisor.getState", "", "statecode 1 statename RUNNING");
}

static void end_of_everything(struct supervisor *s)
{
        (void)s;
}

/* A refused call does nothing, also within a multicall. */
Test(methods, do_no_more_than_their_caller_may)
{
        static const char refused[] =
            "fault: 30 FAILED: this server does not let its callers do that";

        granted = RIGHT_READ;
        expect_part("supervisor.getAllProcessInfo", "", "cat");
        expect("supervisor.startProcess", S("cat"), refused);
        expect("supervisor.sendRemoteCommEvent", S("a") S("b"), refused);
        expect("supervisor.reloadConfig", "", refused);
        expect("supervisor.shutdown", "", refused);
        expect_part(
            "system.multicall",
            "<param><value><array><data><value><struct><member><name>methodName</name><value>"
            "<string>supervisor.startAllProcesses</string></value></member></struct></value>"
            "</data></array></value></param>",
            "does not let its callers");
        cr_expect_eq(kernel.child_count, 0);
        granted = RIGHT_OPERATE;
        expect("supervisor.reloadConfig", "", refused);
        expect("supervisor.startProcess", S("cat"), "1");
        granted = RIGHT_CONFIGURE;
        expect("supervisor.shutdown", "", refused);
        expect_part("supervisor.reloadConfig", "", "");
}

Test(methods, are_refused_while_it_ends_but_for_system_and_remote_events)
{
        startup_of(&sup)->on_end = end_of_everything;
        kernel.obeys_term = false;
        expect("supervisor.startProcess", S("cat"), "1");
        expect("supervisor.shutdown", "", "1");
        expect("supervisor.getState", "", "fault: 6 SHUTDOWN_STATE");
        expect("supervisor.getAPIVersion", "", "fault: 6 SHUTDOWN_STATE");
        expect("supervisor.shutdown", "", "fault: 6 SHUTDOWN_STATE");
        expect("supervisor.restart", "", "fault: 6 SHUTDOWN_STATE");
        expect("supervisor.stopProcess", S("cat"), "fault: 6 SHUTDOWN_STATE");
        expect("supervisor.sendRemoteCommEvent", S("a") S("b"), "1");
        expect_part("system.listMethods", "", "system.multicall");
}

/* ---- processes */

Test(methods, start_and_stop_one)
{
        expect("supervisor.startProcess", S("cat"), "1");
        expect("supervisor.startProcess", S("cat"), "fault: 60 ALREADY_STARTED: cat");
        expect_part("supervisor.getProcessInfo", S("cat:cat"), "state 20 statename RUNNING");
        expect("supervisor.stopProcess", S("cat"), "1");
        expect("supervisor.stopProcess", S("cat"), "fault: 70 NOT_RUNNING: cat");
        expect("supervisor.startProcess", S("cat") B(0), "1");
        expect("supervisor.stopProcess", S("cat") B(0), "1");
        expect("supervisor.startProcess", S("lost"),
               "fault: 20 NO_FILE: can't find command '/nonexistent/command'");
}

/* What a call that had to wait was answered with. */
static const char *late_answer(void)
{
        if (!done)
                return "later";
        if (now.fault == FAULT_NONE)
                return words(buf_str(&out));
        buf_reset(&seen);
        buf_printf(&seen, "fault: %d %s", (int)now.fault, buf_str(&now.fault_text));
        return buf_str(&seen);
}

/* A child has got through: one that looks for a program has found it, or one is executed. */
static void goes_on(size_t child, int error)
{
        cr_assert_lt(child, kernel.child_count);
        kernel_started(&kernel, kernel.children[child]->pid, STEP_FIND, error);
        for (int i = 0; i < 3; i++)
                ev_run(loop, EVRUN_NOWAIT);
}

Test(methods, answer_alike_when_the_disk_is_slow)
{
        kernel.disk_is_slow = kernel.spawn_takes_time = true;
        expect("supervisor.startProcess", S("lost"), "later");
        goes_on(0, ENOENT);
        cr_expect_str_eq(late_answer(),
                         "fault: 20 NO_FILE: can't find command '/nonexistent/command'");
        expect_part("supervisor.getProcessInfo", S("lost"), "state 0 statename STOPPED");
        expect("supervisor.startProcess", S("lost") B(0), "later");
        goes_on(1, EACCES);
        cr_expect_str_eq(
            late_answer(),
            "fault: 21 NOT_EXECUTABLE: command at '/nonexistent/command' is not executable");
        expect("supervisor.startProcess", S("cat"), "later");
        goes_on(2, 0);
        cr_expect_not(done);
        goes_on(3, 0);
        cr_expect_str_eq(late_answer(), "1");
        expect("supervisor.startProcess", S("cat"), "later");
        goes_on(4, 0);
        cr_expect_str_eq(late_answer(), "fault: 60 ALREADY_STARTED: cat");
}

Test(methods, answer_for_many_in_their_order_when_the_disk_is_slow)
{
        static const char answers[] =
            "name cat group cat status 80 description OK "
            "name lost group lost status 20 description NO_FILE: can't find command "
            "'/nonexistent/command' "
            "name web_0 group web status 80 description OK "
            "name web_1 group web status 21 description NOT_EXECUTABLE: command at '/bin/sleep' is "
            "not executable";

        kernel.disk_is_slow = kernel.spawn_takes_time = true;
        expect("supervisor.startAllProcesses", "", "later");
        cr_expect_eq(kernel.child_count, 1, "one after the other");
        goes_on(0,
                0); /* the first one's start is the next child, then the second one is looked for */
        goes_on(2, ENOENT);
        goes_on(3, 0);
        goes_on(5, EACCES);
        cr_expect_not(done);
        goes_on(4, 0);
        goes_on(1, 0);
        cr_expect_str_eq(late_answer(), answers);
}

Test(methods, take_back_with_a_stop_of_all_what_is_still_looked_for)
{
        kernel.disk_is_slow = kernel.spawn_takes_time = true;
        expect("supervisor.startProcess", S("cat") B(0), "later");
        now.cancel_job(&now); /* the client is gone; its order stands */
        now = (struct rpc_call){ 0 };
        expect("supervisor.stopAllProcesses", "", "name cat group cat status 80 description OK");
        expect_part("supervisor.getProcessInfo", S("cat"), "state 0 statename STOPPED");
        cr_expect_eq(kernel.child_count, 1);
}

Test(methods, wait_for_a_slow_stop_without_blocking)
{
        struct value none = { .kind = VALUE_ARRAY };
        struct rpc_call other = {
                .sup = &sup, .by = &caller, .granted = RIGHT_ADMIN, .out = &seen
        };

        kernel.obeys_term = false;
        expect("supervisor.startProcess", S("cat"), "1");
        expect("supervisor.stopProcess", S("cat"), "later");
        buf_reset(&seen);
        cr_expect_eq(method_call(&other, "supervisor.getAPIVersion", &none), RPC_DONE);
        method_release(&other);
        cr_expect_not(done);
        method_release(&now);
        expect("supervisor.stopProcess", S("cat"), "fault: 70 NOT_RUNNING: cat");
        expect("supervisor.startProcess", S("cat"), "fault: 40 ABNORMAL_TERMINATION: cat");
}

Test(methods, start_stop_and_signal_groups_and_all)
{
        static const char both[] = "name web_0 group web status 80 description OK "
                                   "name web_1 group web status 80 description OK";

        expect("supervisor.startProcessGroup", S("web"), both);
        expect("supervisor.startProcessGroup", S("web"), "");
        expect("supervisor.signalProcessGroup", S("web") S("HUP"), both);
        expect("supervisor.signalProcess", S("web:*") S("HUP"), both);
        expect("supervisor.signalAllProcesses", S("HUP"), both);
        expect_part("supervisor.signalProcessGroup", S("web") S("NOPE"),
                    "status 11 description BAD_SIGNAL: NOPE");
        expect_part("supervisor.stopProcessGroup", S("web"), "web_1 group web status 80");
        expect("supervisor.startProcess", S("web:*"), both);
        expect_part("supervisor.stopProcess", S("web:*"), "web_0 group web status 80");
        expect_part("supervisor.startAllProcesses", "", "name cat group cat status 80");
        expect_part("supervisor.stopAllProcesses", "", "name cat group cat status 80");
        expect("supervisor.stopAllProcesses", B(0), "");
}

Test(methods, signal_by_name_and_number)
{
        expect("supervisor.signalProcess", S("cat") S("HUP"), "fault: 70 NOT_RUNNING: cat");
        expect("supervisor.startProcess", S("cat"), "1");
        static const char *const good[] = { "HUP", "sighup", "1", " HUP ", "SIGRTMIN", "0" };
        static const char *const bad[] = { "NOPE", "", "99", "-1", "SIG" };
        for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
                char params[256];
                snprintf(params, sizeof params,
                         S("cat") "<param><value><string>%s</string></value></param>", good[i]);
                expect("supervisor.signalProcess", params, "1");
        }
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                char params[256], want[64];
                snprintf(params, sizeof params,
                         S("cat") "<param><value><string>%s</string></value></param>", bad[i]);
                snprintf(want, sizeof want, "fault: 11 BAD_SIGNAL: %s", bad[i]);
                expect("supervisor.signalProcess", params, want);
        }
        expect("supervisor.signalProcess", S("cat") I(1), "1");
}

Test(methods, write_to_stdin)
{
        expect("supervisor.sendProcessStdin", S("cat") S("x"), "fault: 70 NOT_RUNNING: cat");
        expect("supervisor.startProcess", S("cat"), "1");
        expect("supervisor.sendProcessStdin", S("cat") S("x\n"), "1");
        expect("supervisor.sendProcessStdin",
               S("cat") "<param><value><base64>aGkK</base64></value></param>", "1");
}

Test(methods, show_processes_and_their_configuration)
{
        expect_part("supervisor.getProcessInfo", S("cat"),
                    "name cat group cat start 0 stop 0 now ");
        expect_part("supervisor.getProcessInfo", S("cat"), " pid 0 description Not started");
        expect_part("supervisor.getAllProcessInfo", "", "name web_0 group web ");
        expect_part("supervisor.getAllConfigInfo", "", "exitcodes 2 0 group cat");
        expect_part("supervisor.getAllConfigInfo", "", "uid none");
}

Test(methods, give_numbers_beyond_2038_under_keys_of_their_own)
{
        struct process *p = registry_group(&sup.registry, "cat")->procs[0];

        p->tried_wall_ms = 4102444800000; /* 2100 */
        expect_part("supervisor.getProcessInfo", S("cat"), "start 2147483647 stop 0 ");
        expect_part("supervisor.getProcessInfo", S("cat"), "start64 4102444800.0");
        cr_expect_null(strstr(buf_str(&seen), "stop64"));
}

/* ---- logs */

static void write_log(const char *data)
{
        char path[128];

        snprintf(path, sizeof path, "%s/cat.log", dir);
        FILE *f = fopen(path, "w");
        cr_assert_not_null(f);
        fputs(data, f);
        fclose(f);
}

Test(methods, read_tail_and_clear_logs)
{
        expect_part("supervisor.readProcessStdoutLog", S("cat") I(0) I(0), "fault: 20 NO_FILE");
        expect("supervisor.readProcessStderrLog", S("cat") I(0) I(0), "fault: 20 NO_FILE");
        expect("supervisor.tailProcessStderrLog", S("cat") I(0) I(9), "0 0");
        expect("supervisor.startProcess", S("cat"), "1");
        write_log("0123456789");
        expect("supervisor.readProcessStdoutLog", S("cat") I(2) I(3), "234");
        expect("supervisor.readProcessLog", S("cat") I(-3) I(0), "789");
        expect("supervisor.readProcessStdoutLog", S("cat") I(-1) I(1), "fault: 3 BAD_ARGUMENTS");
        expect("supervisor.tailProcessStdoutLog", S("cat") I(0) I(4), "6789 10 1");
        expect("supervisor.tailProcessLog", S("cat") I(8) I(5), "56789 10 0");
        expect("supervisor.clearProcessLogs", S("cat"), "1");
        expect("supervisor.clearProcessLog", S("cat"), "1");
        expect_part("supervisor.clearAllProcessLogs", "",
                    "name cat group cat status 80 description OK");
}

/* ---- system.multicall */

#define CALL(name, params)                                                               \
        "<value><struct><member><name>methodName</name><value>" name "</value></member>" \
        "<member><name>params</name><value><array><data>" params                         \
        "</data></array></value></member></struct></value>"
#define V(s)        "<value>" s "</value>"
#define MULTI(list) "<param><value><array><data>" list "</data></array></value></param>"

Test(methods, run_one_after_the_other_in_a_multicall)
{
        expect("system.multicall",
               MULTI(CALL("supervisor.startProcess", V("cat")) CALL(
                   "supervisor.startProcess", V("cat")) CALL("supervisor.getAPIVersion", "")
                         CALL("supervisor.stopProcess", V("cat"))),
               "1 faultCode 60 faultString ALREADY_STARTED: cat 3.0 1");
        expect("system.multicall", MULTI(""), "");
        expect_part("system.multicall", MULTI(CALL("system.multicall", "")),
                    "faultCode 2 faultString INCORRECT_PARAMETERS: Recursive system.multicall "
                    "forbidden");
        expect_part("system.multicall", MULTI("<value><struct></struct></value>"),
                    "INCORRECT_PARAMETERS: No methodName");
        expect("system.multicall", S("x"), "fault: 2 INCORRECT_PARAMETERS");
}

static void setup_bare(void)
{
        open_with("");
}

TestSuite(bare_methods, .init = setup_bare, .fini = teardown);

Test(bare_methods, of_the_supervisor_namespace_need_their_section)
{
        expect("supervisor.getState", "", "fault: 1 UNKNOWN_METHOD");
        expect("system.listMethods", "",
               "system.listMethods system.methodHelp system.methodSignature system.multicall");
}

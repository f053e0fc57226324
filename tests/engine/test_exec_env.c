#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "engine/order/reload.h"
#include "engine/run/exec_env.h"
#include "house.h"

#define PLAIN "stdout_logfile=NONE\nstderr_logfile=NONE\nstartsecs=0\nrestart_delay=0\n"

static struct house h;

static void teardown(void)
{
        house_close(&h);
}

TestSuite(exec_env, .fini = teardown, .timeout = 30);

static const char *env_of(const char *namespec, const char *key)
{
        struct fake_child *c = kernel_child(&h.kernel, house_process(&h, namespec)->pid);

        cr_assert(c && c->alive, "%s does not run", namespec);
        const char *value = strlist_getenv(&c->envp, key);
        return value ? value : "-";
}

static const char *arg_of(const char *namespec)
{
        struct fake_child *c = kernel_child(&h.kernel, house_process(&h, namespec)->pid);

        cr_assert(c && c->alive && c->argv.count > 1, "%s does not run", namespec);
        return c->argv.items[1];
}

static void restart(const char *namespec)
{
        house_end(&h, namespec, KERNEL_EXITED(1));
        house_settle(&h);
        house_later(&h, 1000);
}

static void apply(const char *body)
{
        struct plan plan = { 0 };
        struct diags diags = { 0 };

        house_rewrite(&h, "", body);
        cr_assert_eq(order_apply(&h.sup, false, NULL, &plan, &diags), FAULT_NONE);
        plan_release(&plan);
        diags_release(&diags);
        house_settle(&h);
}

Test(exec_env, gives_each_of_a_fleet_its_own_name)
{
        house_open(&h, "",
                   "[program:web]\ncommand=/bin/w\n" PLAIN
                   "process_name=web_%(process_num)d\nnumprocs=3\n");
        house_begin(&h);
        for (int round = 0; round < 2; round++) {
                cr_expect_str_eq(env_of("web:web_0", "SUPERVISOR_PROCESS_NAME"), "web_0");
                cr_expect_str_eq(env_of("web:web_2", "SUPERVISOR_PROCESS_NAME"), "web_2");
                cr_expect_str_eq(env_of("web:web_2", "SUPERVISOR_GROUP_NAME"), "web");
                cr_expect_str_eq(env_of("web:web_2", "HOME"), "/root");
                restart("web:web_2");
        }
}

Test(exec_env, gives_each_number_what_names_it)
{
        house_open(&h, "",
                   "[program:web]\ncommand=/bin/w 80%(process_num)02d\n" PLAIN
                   "environment=ME=\"n%(process_num)d\",HOME=/srv\n"
                   "process_name=web_%(process_num)d\nnumprocs=2\n");
        house_begin(&h);
        for (int round = 0; round < 2; round++) {
                cr_expect_str_eq(arg_of("web:web_0"), "8000");
                cr_expect_str_eq(arg_of("web:web_1"), "8001");
                cr_expect_str_eq(env_of("web:web_1", "ME"), "n1");
                cr_expect_str_eq(env_of("web:web_0", "ME"), "n0");
                cr_expect_str_eq(env_of("web:web_0", "HOME"), "/srv");
                restart("web:web_0");
                restart("web:web_1");
        }
}

Test(exec_env, leaves_a_name_that_the_settings_choose)
{
        house_open(&h, "",
                   "[program:web]\ncommand=/bin/w\n" PLAIN
                   "environment=SUPERVISOR_PROCESS_NAME=\"\"\n");
        house_begin(&h);
        cr_expect_str_eq(env_of("web", "SUPERVISOR_PROCESS_NAME"), "");
}

Test(exec_env, keeps_the_daemons_own_variables_from_workers)
{
        house_open(&h, "", "[program:web]\ncommand=/bin/w\nautostart=false\n" PLAIN);
        fake_world_env(&h.host, "NOTIFY_SOCKET", "/run/notify");
        fake_world_env(&h.host, "SUPERVISOR_ENABLED", "0");
        supervisor_order(&h.sup, house_process(&h, "web"), PE_START);
        cr_expect_str_eq(env_of("web", "NOTIFY_SOCKET"), "-");
        cr_expect_str_eq(env_of("web", "SUPERVISOR_ENABLED"), "1");
}

Test(exec_env, follows_a_new_configuration)
{
        house_open(&h, "", "[program:web]\ncommand=/bin/w old\n" PLAIN "environment=A=1\n");
        house_begin(&h);
        cr_expect_str_eq(arg_of("web"), "old");
        apply("[program:web]\ncommand=/bin/w new\n" PLAIN "environment=A=2\n");
        restart("web");
        cr_expect_str_eq(arg_of("web"), "new");
        cr_expect_str_eq(env_of("web", "A"), "2");
}

Test(exec_env, serves_many_programs)
{
        AUTO_BUF body = BUF_INIT;

        for (int i = 0; i < 200; i++)
                buf_printf(&body, "[program:p%d]\ncommand=/bin/w a%d\n" PLAIN, i, i);
        house_open(&h, "", body.data);
        house_begin(&h);
        for (int i = 0; i < 200; i++) {
                char name[16], arg[16];
                snprintf(name, sizeof name, "p%d", i);
                snprintf(arg, sizeof arg, "a%d", i);
                restart(name);
                cr_expect_str_eq(arg_of(name), arg);
                cr_expect_str_eq(env_of(name, "SUPERVISOR_PROCESS_NAME"), name);
        }
}

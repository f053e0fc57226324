/* The program that a start goes through: the daemon holds it in memory and executes it first thing
 * in the child, with its own ids. It takes the last steps and executes the worker. No C library:
 * its own start is to cost next to nothing. What it gets, see spawn.c: "supervisord", the plan, the
 * groups, the directory, the places, the worker's own words. */
#include "sys/process/start_steps.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/prctl.h>

#include "sys/process/raw_call.h"

#if RAW_CALLS

RAW_START;

_Noreturn void begin(char **stack);

_Noreturn void begin(char **stack)
{
        char **word = stack + 1; /* behind their number */
        struct start_task t = { .place = 0 };

        raw_call(SYS_prctl, PR_SET_NAME, (long)STARTER_NAME, 0, 0);
        raw_call(SYS_fcntl, REPORT_FD, F_SETFD, FD_CLOEXEC, 0);
        for (t.envp = word; *t.envp; t.envp++)
                ;
        t.envp++;
        plan_decode(word[1], &t.plan, sizeof t.plan);
        plan_decode(word[2], word[2], (size_t)t.plan.group_count * sizeof(gid_t));
        t.groups = word[2];
        t.directory = word[3];
        t.places = word + 4;
        t.argv = t.places + t.plan.place_count;
        start_steps_take(&t);
}

#else

void _start(void);

void _start(void) /* never executed: spawn.c copies the daemon there */
{
}

#endif

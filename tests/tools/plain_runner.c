/* Runs the tests of a unit test program one by one, each in a child of its own: what Criterion's
 * runner does, for where that does not work. It maps memory at addresses that user-mode-linux does
 * not have. Filters and flags are Criterion's alone. The last line is like Criterion's, for
 * tests/tools/run_unit. */
#include <criterion/criterion.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_S 120 /* for a test whose suite has no bound */

extern struct criterion_test *__start_cr_tst[], *__stop_cr_tst[];
/* absent where no test has a suite of its own */
extern struct criterion_suite *__start_cr_sts[] __attribute__((weak));
extern struct criterion_suite *__stop_cr_sts[] __attribute__((weak));

static const struct criterion_suite *suite;
static const struct criterion_test *test;
static jmp_buf aborted;
static bool failed;

void criterion_send_assert(struct criterion_assert_stats *s)
{
        if (s->passed)
                return;
        failed = true;
        fprintf(stderr, "%s:%u: assertion failed: %s\n", s->file, s->line,
                s->message ? s->message : "");
}

void cri_asserts_passed_incr(void)
{
}

void criterion_continue_test(void)
{
}

void criterion_abort_test(void)
{
        longjmp(aborted, 1);
}

static void call(void (*function)(void))
{
        if (function && setjmp(aborted) != 0)
                return;
        if (function)
                function();
}

void criterion_internal_test_setup(void)
{
        call(suite ? suite->data->init : NULL);
        call(test->data->init);
}

void criterion_internal_test_main(void (*function)(void))
{
        if (!failed)
                call(function);
}

void criterion_internal_test_teardown(void)
{
        call(test->data->fini);
        call(suite ? suite->data->fini : NULL);
}

static const struct criterion_suite *suite_of(const struct criterion_test *t)
{
        for (struct criterion_suite **s = __start_cr_sts; s < __stop_cr_sts; s++)
                if (*s && strcmp((*s)->name, t->category) == 0)
                        return *s;
        return NULL;
}

static bool run(void)
{
        int status = 0;
        double bound = test->data->timeout;

        if (bound <= 0 && suite)
                bound = suite->data->timeout;
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) {
                alarm(bound > 0 ? (unsigned)(bound * 4) : LIMIT_S);
                test->test();
                exit(failed);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
                return false;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return true;
        printf("[FAIL] %s::%s: status 0x%x\n", test->category, test->name, (unsigned)status);
        return false;
}

static bool is_wanted(char **names)
{
        if (!*names)
                return true;
        for (; *names; names++)
                if (strcmp(*names, test->category) == 0)
                        return true;
        return false;
}

static bool has_tests(const char *name)
{
        for (struct criterion_test **t = __start_cr_tst; t < __stop_cr_tst; t++)
                if (*t && strcmp((*t)->category, name) == 0)
                        return true;
        return false;
}

int main(int argc, char **argv)
{
        int tested = 0, passing = 0;

        for (int i = 1; i < argc; i++)
                if (!has_tests(argv[i])) {
                        printf("[FAIL] %s: no test is in a suite of this name\n", argv[i]);
                        tested++;
                }
        for (struct criterion_test **t = __start_cr_tst; t < __stop_cr_tst; t++) {
                if (!*t)
                        continue;
                test = *t;
                if (!is_wanted(argv + (argc > 0)))
                        continue;
                suite = suite_of(test);
                tested++;
                passing += run();
        }
        printf("[====] Synthesis: Tested: %d | Passing: %d | Failing: %d | Crashing: 0\n", tested,
               passing, tested - passing);
        return passing == tested ? 0 : 1;
}

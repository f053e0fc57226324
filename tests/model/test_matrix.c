/* Every cell of the matrix against what is written out here. A cell reads: the state that follows,
 * the work, what is awaited then. */
#include <criterion/criterion.h>
#include <string.h>

#include "subject.h"

static const char codes[PS_COUNT][3] = {
        [PS_STOPPED] = "sd",  [PS_STARTING] = "sg",   [PS_RUNNING] = "rn",  [PS_BACKOFF] = "bo",
        [PS_STOPPING] = "sp", [PS_EXITED] = "ex",     [PS_FATAL] = "ft",    [PS_UNKNOWN] = "un",
        [PS_RESPAWN] = "rs",  [PS_RESTARTING] = "rt", [PS_RETIRING] = "rr", [PS_SICK] = "sk",
        [PS_LATE] = "lt",     [PS_GONE] = "gn",       [PS_WAITING] = "wt",
};

/* clang-format off */
static const char *const columns =
        "    STRT STOP RSTR RETI WAIT GIVE SPFA UP__ EARL DIED AGAI OFTE RTRY KILL NOTR UNHE UNKI SIGF";
static const enum pevent order[] = {
        PE_START, PE_STOP, PE_RESTART, PE_RETIRE, PE_WAIT, PE_GIVE_UP, PE_SPAWN_FAILED, PE_UP, PE_DIED_EARLY,
        PE_DIED, PE_DIED_AGAIN, PE_DIED_OFTEN, PE_RETRY, PE_KILL_DUE, PE_NOT_READY, PE_UNHEALTHY,
        PE_UNHEALTHY_KILL, PE_SIGNAL_FAILED };
/* work: S spawn, T stop signal, K SIGKILL, A start again, F forget, O on_fatal, - nothing
 * wait: u up, r retry, k the SIGKILL, K the next SIGKILL, g giving up, = as before, - nothing */
static const char *const grid[] = {
        "sd: sgSu .... sgSu gnF- wt-- .... .... .... .... .... .... .... .... .... .... .... .... ....",
        "sg: .... spTk rtTk rrTk .... .... bo-r rn-- bo-r .... .... bo-g .... .... ltTk ltTk ltKK un--",
        "rn: .... spTk rtTk rrTk .... .... .... .... .... ex-- rs-r rs-g .... .... .... skTk skKK un--",
        "bo: sgSu sd-- sgSu gnF- .... ftO- .... .... .... .... .... .... sgSu boKK .... .... .... ....",
        "sp: .... .... rt-= rr-= .... .... .... .... .... sd-- .... .... .... spKK .... .... .... un--",
        "ex: sgSu .... sgSu gnF- .... .... .... .... .... .... .... .... .... .... .... .... .... ....",
        "ft: sgSu .... sgSu gnF- .... .... .... .... .... .... .... .... .... .... .... .... .... ....",
        "un: rtTk spTk rtTk rrTk .... .... .... .... .... ex-- .... .... .... .... .... .... .... ....",
        "rs: sgSu sd-- sgSu gnF- .... ftO- .... .... .... .... .... .... sgSu rsKK .... .... .... ....",
        "rt: .... sp-= .... rr-= .... .... .... .... .... sdA- .... .... .... rtKK .... .... .... un--",
        "rr: rt-= .... rt-= .... .... .... .... .... .... gnF- .... .... .... rrKK .... .... .... ....",
        "sk: .... sp-= rt-= rr-= .... .... .... .... .... ex-- rs-r rs-g .... skKK .... .... .... un--",
        "lt: .... sp-= rt-= rr-= .... .... .... .... bo-r .... .... bo-g .... ltKK .... .... .... un--",
        "wt: sgSu sd-- sgSu gnF- .... .... .... .... .... .... .... .... .... .... .... .... .... ....",
        "gn: .... .... .... .... .... .... .... .... .... .... .... .... .... .... .... .... .... ....",
};
/* clang-format on */

static enum pstate state_of(const char *code)
{
        for (int s = PS_NONE + 1; s < PS_COUNT; s++)
                if (strncmp(codes[s], code, 2) == 0)
                        return (enum pstate)s;
        cr_assert_fail("no state %.2s", code);
        return PS_NONE;
}

static unsigned work_of(char c)
{
        static const char letters[] = "STKAFO"; /* in the order of the bits */

        return c == '-' ? 0 : 1u << (strchr(letters, c) - letters);
}

static enum pwait wait_of(char c)
{
        switch (c) {
        case 'u':
                return WAIT_UP;
        case 'r':
                return WAIT_RETRY;
        case 'k':
                return WAIT_KILL;
        case 'K':
                return WAIT_KILLED;
        case 'g':
                return WAIT_GIVE_UP;
        default:
                return WAIT_NONE;
        }
}

static void check_cell(struct process *p, enum pstate from, enum pevent ev, const char *cell)
{
        const enum pwait before = WAIT_KILL;
        bool empty = cell[0] == '.';

        p->state = from;
        p->waiting = before;
        p->due.due_ms = 4711;
        unsigned work = process_feed(p, ev, at_ms(0));
        enum pstate to = empty ? from : state_of(cell);
        bool keeps = empty || cell[3] == '=';
        cr_expect_eq(p->state, to, "%s + event %d gives %s, not %s", pstate_inner_name(from), ev,
                     pstate_inner_name(p->state), pstate_inner_name(to));
        cr_expect_eq(work, empty ? 0 : work_of(cell[2]), "%s + event %d: work %#x",
                     pstate_inner_name(from), ev, work);
        cr_expect_eq(p->waiting, keeps ? before : wait_of(cell[3]), "%s + event %d: waits for %d",
                     pstate_inner_name(from), ev, p->waiting);
        cr_expect(!keeps || p->due.due_ms == 4711, "%s + event %d moves the deadline",
                  pstate_inner_name(from), ev);
}

Test(matrix, has_exactly_these_transitions)
{
        struct program web = subject_program();
        bool seen[PS_COUNT] = { false };

        cr_assert_eq(sizeof order / sizeof *order, PE_COUNT - 1);
        for (size_t row = 0; row < sizeof grid / sizeof *grid; row++) {
                struct process *p = process_new("web", NULL, &web, 0);
                enum pstate from = state_of(grid[row]);
                cr_assert_eq(strlen(grid[row]), strlen(columns));
                seen[from] = true;
                for (size_t col = 0; col < PE_COUNT - 1; col++)
                        check_cell(p, from, order[col], grid[row] + 4 + col * 5);
                process_free(p);
        }
        for (int s = PS_NONE + 1; s < PS_COUNT; s++)
                cr_expect(seen[s], "no row for %s", pstate_inner_name((enum pstate)s));
}

Test(matrix, ignores_no_event)
{
        struct program web = subject_program();
        struct process *p = process_new("web", NULL, &web, 0);

        for (int s = PS_NONE + 1; s < PS_COUNT; s++) {
                p->state = (enum pstate)s;
                cr_expect_eq(process_feed(p, PE_NONE, at_ms(0)), 0);
                cr_expect_eq(p->state, (enum pstate)s);
        }
        process_free(p);
}

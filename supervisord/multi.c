/* One file that is every program, by the name that it is called by: most of each is the C library
 * and what they share, and a container needs it once. */
#include "multi.h"

#include <string.h>

static int echo_main(int argc, char **argv)
{
        (void)argc, (void)argv;
        return echo_supervisord_conf_main();
}

static const struct {
        const char *name;
        int (*main)(int argc, char **argv);
} programs[] = {
        { "supervisord", supervisord_main }, /* also under any other name */
        { "supervisorctl", supervisorctl_main },
        { "pidproxy", pidproxy_main },
        { "echo_supervisord_conf", echo_main },
};

int main(int argc, char **argv)
{
        const char *called = argc > 0 ? argv[0] : "";
        const char *slash = strrchr(called, '/');
        size_t at = 0;

        for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
                if (strcmp(programs[i].name, slash ? slash + 1 : called) == 0)
                        at = i;
        return programs[at].main(argc, argv);
}

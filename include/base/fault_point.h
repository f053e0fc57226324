/* Places where the tests of survival end the daemon at exactly that instant, as SIGKILL would by
 * chance. They exist only in a build with FAULT_POINTS (make build/test/supervisord); everywhere
 * else nothing of them is left. */
#ifndef BASE_FAULT_POINT_H
#define BASE_FAULT_POINT_H

#include <stdbool.h>

#ifdef FAULT_POINTS

/* Read SUPERVISORD_FAULT: "NAME:N" dies at the N-th passage of that place ("NAM*" is all that begin
 * so), "NAME:N:crash" by its own fault, a NAME alone is a switch; several are separated by commas.
 * Before this nothing happens. */
void fault_points_arm(void);

/* May be passed by the child's side of a start: then its parent dies, and the child goes on. */
void fault_point(const char *name);

/* Whether the test wants this to be as on a poorer machine. */
bool fault_switch(const char *name);

#else

static inline void fault_points_arm(void)
{
}

static inline void fault_point(const char *name)
{
        (void)name;
}

static inline bool fault_switch(const char *name)
{
        (void)name;
        return false;
}

#endif

#endif

/* Processes that are freed when no caller stands on them. */
#ifndef ENGINE_CORE_REMOVAL_H
#define ENGINE_CORE_REMOVAL_H

struct process;
struct supervisor;

/* It is PS_GONE: it goes in the pause before the loop waits, and its group with the last one where
 * that is leaving. Without memory for that it stays listed, which the log says. */
void removal_add(struct supervisor *s, struct process *p);

#endif

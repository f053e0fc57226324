/* Gives freed memory back to the kernel once the starts of a new configuration are over. */
#ifndef ENGINE_CORE_MEMORY_TRIM_H
#define ENGINE_CORE_MEMORY_TRIM_H

struct supervisor;

void memory_trim_init(struct supervisor *s);
/* A configuration takes effect about now: trim when no worker has been started for a while. */
void memory_trim_stop(struct supervisor *s);

#endif

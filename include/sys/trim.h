/* Giving back memory that was needed to begin with. */
#ifndef SYS_TRIM_H
#define SYS_TRIM_H

/* Of functions that run between memory_trim and sleep: they lie together, with the event loop
 * behind them (Makefile). Whatever is used comes back with all that lies around it. */
#define RUNS_BEFORE_SLEEP __attribute__((hot))

/* One heap for all threads: a second one for each costs a megabyte, and nothing here allocates so
 * much that threads would wait for each other. Before the first of them. */
void memory_share_heap(void);

/* Freed memory goes back to the kernel, and so do pages of code and constants: those that are used
 * again come from the page cache, some microseconds later. */
RUNS_BEFORE_SLEEP void memory_trim(void);

#endif

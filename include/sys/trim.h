/* Giving back memory that was needed to begin with. */
#ifndef SYS_TRIM_H
#define SYS_TRIM_H

/* One heap for all threads: a second one for each costs a megabyte, and nothing here allocates so
 * much that threads would wait for each other. Before the first of them. */
void memory_share_heap(void);

/* Freed memory goes back to the kernel, and so do pages of code and constants: those that are used
 * again come from the page cache, some microseconds later. */
void memory_trim(void);

#endif

/* When a configuration has taken effect and its workers have been started, the memory that this
 * took is given back. */
#ifndef ENGINE_TIDY_H
#define ENGINE_TIDY_H

struct supervisor;

void tidy_init(struct supervisor *s);
void tidy_later(struct supervisor *s); /* a configuration takes effect about now */
void tidy_stop(struct supervisor *s);

#endif

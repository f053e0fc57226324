/* Inside of logs/: everything that is done to text other than moving it. */
#ifndef LOGS_INTAKE_TEXT_H
#define LOGS_INTAKE_TEXT_H

#include "logs/intake/channel.h"

bool text_is_plain(const struct channel *s);    /* nothing is: the bytes need not be seen */
bool text_is_verbatim(const struct channel *s); /* they may be seen, and stay as they are */
bool text_is_news(const struct channel *s);     /* it is published, too */
void text_in(struct pipe_in *p, char *data, size_t len); /* data may be changed */
/* A protocol, to its receiver: it is still in the pipe. */
void text_shown(struct channel *s, const char *data, size_t len);
void text_flush(struct pipe_in *p);            /* nothing follows: hand out what was held back */
void text_part(struct pipe_in *p);             /* a line that was begun: hand out so much of it */
bool text_is_neutral(const struct pipe_in *p); /* nothing is held back */
/* By these settings something may be held back: there is room for it. False: no memory. */
bool text_prepare(struct pipe_in *p, const struct stream_conf *c);
bool text_make_room(struct pipe_in *p); /* whatever the settings */
void text_forget(struct pipe_in *p);    /* what is held back is not its any more */
void text_release(struct pipe_in *p);

#endif

/* Inside of logs/: where in a stream its file begins. */
#ifndef LOGS_STORE_OUTLET_LOCATE_H
#define LOGS_STORE_OUTLET_LOCATE_H

#include "logs/store/writer.h"

/* The writer was got just now: what it rotates from here on is counted. */
void outlet_joined(struct outlet *o);
/* Add rotations of the file since the last time, for whatever reason. */
void outlet_count(struct outlet *o);
void outlet_locate(struct outlet *o); /* another file since the last time: note where it begins */

#endif

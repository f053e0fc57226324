/* Paths as text; nothing here looks at the file system. All results are owned by the caller
 * (NULL: no memory). */
#ifndef BASE_PATH_H
#define BASE_PATH_H

char *path_join(const char *dir, const char *name); /* name alone when it is absolute */
char *path_dirname(const char *path);               /* "" when there is no slash; "/" for "/x" */
const char *path_basename(const char *path);        /* borrowed: points into path */

/* Absolute and without "." and ".." (Python's os.path.abspath): relative ones are put below cwd. */
char *path_absolute(const char *path, const char *cwd);

#endif

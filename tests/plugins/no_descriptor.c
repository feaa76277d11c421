/* A shared object, but no plugin. */
#include "tests/plugins/parts.h"

SN_EXPORT extern const int some_library;
SN_EXPORT const int some_library = 1;

/*
 * Preloaded into a daemon under test: a process with the word of SN_TEST_EXIT_AT_START among its
 * arguments ends before its main, as one does whose machine or build is broken.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((constructor)) static void exit_at_start(int argc, char **argv)
{
	const char *word = getenv("SN_TEST_EXIT_AT_START");

	for (int i = 1; word != NULL && i < argc; i++) {
		if (strcmp(argv[i], word) == 0)
			_exit(3);
	}
}

/*
 * Stands in for a fuzzer's main: runs every file of the target's corpus (and a few mutations of
 * each: truncations and flipped bytes) through LLVMFuzzerTestOneInput, so that every build and
 * every `make check` replays what fuzzing has found. Files or folders may be given instead.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t inputs;

/* Exactly as large as the input, so that a sanitizer sees any read past it. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);

	if (size > 0)
		memcpy(copy, data, size);
	(void)LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	inputs++;
}

#define MUTATIONS 512

static void run_with_mutations(uint8_t *data, size_t size)
{
	const size_t step = size / MUTATIONS + 1;

	run(data, size);
	for (size_t n = 0; n < size; n += step)
		run(data, n);
	for (size_t i = 0; i < size; i += step) {
		data[i] ^= (uint8_t)(1u << (i % 8));
		run(data, size);
		data[i] ^= (uint8_t)(1u << (i % 8));
	}
}

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(1 << 20);
	size_t size;

	if (file == NULL) {
		fprintf(stderr, "%s: cannot be read\n", path);
		free(data);
		return 1;
	}
	size = fread(data, 1, 1 << 20, file);
	fclose(file);
	run_with_mutations(data, size);
	free(data);
	return 0;
}

static int replay(const char *path)
{
	struct dirent *entry;
	struct stat st;
	int failed = 0;
	DIR *dir;

	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return replay_file(path);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		char inside[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(inside, sizeof(inside), "%s/%s", path, entry->d_name);
		failed |= replay(inside);
	}
	if (dir != NULL)
		closedir(dir);
	return failed;
}

/* .../fuzz_toml -> $SN_SRCDIR/tests/fuzz/corpus/toml */
static int replay_own_corpus(const char *program)
{
	const char *src = getenv("SN_SRCDIR");
	const char *name = strstr(program, "fuzz_");
	char path[4096];

	for (const char *next = name; next != NULL; next = strstr(next + 1, "fuzz_"))
		name = next;
	if (name == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", src != NULL ? src : ".", name + 5);
	return replay(path);
}

int main(int argc, char **argv)
{
	int failed = argc < 2 ? replay_own_corpus(argv[0]) : 0;

	for (int i = 1; i < argc; i++)
		failed |= replay(argv[i]);
	printf("%zu inputs\n", inputs);
	return failed || inputs == 0;
}

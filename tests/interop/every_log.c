/*
 * Plays scenarios to sn_every on a fake clock and logs its calls, for every_twisted.py to compare.
 *
 * A line is a scenario: interval in ms, 1 for `now`, then steps: +N (N ms pass), p (calls return
 * SN_PENDING from here on), o (they return SN_OK again), d (the pending work is done), r (reset).
 * Answered by a line of "ms:periods" for each call.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/loop/timer.h"

struct player {
	struct sn_every every;
	struct sn_fake_clock clock;
	struct sn_loop *loop;
	int code;
};

static int on_call(struct sn_every *every, uint64_t periods)
{
	struct player *player = sn_container_of(every, struct player, every);

	printf("%lld:%llu ", (long long)(player->clock.mono_ns / SN_MS(1)),
		(unsigned long long)periods);
	return player->code;
}

static void pass(struct player *player, long ms)
{
	sn_fake_clock_advance(&player->clock, SN_MS(ms));
	sn_loop_turn(player->loop, 0);
}

static void step(struct player *player, const char *word)
{
	switch (word[0]) {
	case '+':
		pass(player, strtol(word + 1, NULL, 10));
		break;
	case 'p':
		player->code = SN_PENDING;
		break;
	case 'o':
		player->code = SN_OK;
		break;
	case 'd':
		sn_every_done(&player->every);
		break;
	case 'r':
		sn_every_reset(&player->every);
		break;
	default:
		sn_unreachable();
	}
}

static void play(char *line)
{
	struct player player = { .code = SN_OK };
	const struct sn_loop_options options = { .clock = &player.clock.clock };
	char *rest, *word = strtok_r(line, " \n", &rest);
	long interval = strtol(word, NULL, 10);
	bool now = strcmp(strtok_r(NULL, " \n", &rest), "1") == 0;

	sn_fake_clock_init(&player.clock);
	if (sn_loop_new(&options, &player.loop) != SN_OK)
		sn_unreachable();
	sn_every_start(player.loop, &player.every, SN_MS(interval), now, on_call);
	pass(&player, 0);
	while ((word = strtok_r(NULL, " \n", &rest)) != NULL)
		step(&player, word);
	sn_every_stop(&player.every);
	sn_loop_free(&player.loop);
	putchar('\n');
}

int main(void)
{
	char line[4096];

	while (fgets(line, sizeof(line), stdin) != NULL)
		play(line);
	return EXIT_SUCCESS;
}

/*
 * A GLib program that carries a Sennit loop along: GLib owns the thread and sleeps; the Sennit
 * loop is one of its event sources. A GTK program does the same. Both sides tick a few times, then
 * the program ends.
 */
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/loop/loop.h"
#include "daemon/loop/timer.h"

#define TICKS 3

/* The bridge: a GSource around a loop. */

struct loop_source {
	GSource source; /* first: GLib allocates and frees the whole by it */
	struct sn_loop *loop;
};

/* Called before GLib sleeps: how long may it? GLib counts milliseconds, -1 is for ever. */
static gboolean source_prepare(GSource *source, gint *timeout_ms)
{
	int64_t ns = sn_loop_timeout(((struct loop_source *)source)->loop);
	int64_t ms = ns / SN_MS(1) + (ns % SN_MS(1) > 0);

	*timeout_ms = ns < 0 ? -1 : (gint)MIN(ms, G_MAXINT);
	return ns == 0;
}

/* Called when GLib is awake. A readable sn_loop_fd makes the source ready without asking here. */
static gboolean source_check(GSource *source)
{
	return sn_loop_timeout(((struct loop_source *)source)->loop) == 0;
}

static gboolean source_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
	(void)callback;
	(void)data;
	sn_loop_turn(((struct loop_source *)source)->loop, 0);
	return G_SOURCE_CONTINUE;
}

static GSource *source_new(struct sn_loop *loop)
{
	static GSourceFuncs funcs = {
		.prepare = source_prepare,
		.check = source_check,
		.dispatch = source_dispatch,
	};
	GSource *source = g_source_new(&funcs, sizeof(struct loop_source));

	((struct loop_source *)source)->loop = loop;
	g_source_add_unix_fd(source, sn_loop_fd(loop), G_IO_IN);
	return source;
}

/* The program: a timer on either side. */

struct program {
	GMainLoop *main_loop;
	struct sn_every every;
	unsigned sennit_ticks, glib_ticks;
};

static void quit_when_both_ticked(struct program *program)
{
	if (program->sennit_ticks >= TICKS && program->glib_ticks >= TICKS)
		g_main_loop_quit(program->main_loop);
}

static int on_sennit_tick(struct sn_every *every, uint64_t periods)
{
	struct program *program = sn_container_of(every, struct program, every);

	printf("sennit: %u period(s) passed\n", (unsigned)periods);
	program->sennit_ticks++;
	quit_when_both_ticked(program);
	return SN_OK;
}

static gboolean on_glib_tick(gpointer data)
{
	struct program *program = data;

	puts("glib: tick");
	program->glib_ticks++;
	quit_when_both_ticked(program);
	return G_SOURCE_CONTINUE;
}

static void run(struct program *program, struct sn_loop *loop)
{
	GSource *bridge = source_new(loop);
	guint glib_timer = g_timeout_add(7, on_glib_tick, program);

	g_source_attach(bridge, NULL);
	sn_every_start(loop, &program->every, SN_MS(5), true, on_sennit_tick);
	g_main_loop_run(program->main_loop);
	sn_every_stop(&program->every);
	g_source_remove(glib_timer);
	g_source_destroy(bridge);
	g_source_unref(bridge);
}

int main(void)
{
	struct program program = { .main_loop = g_main_loop_new(NULL, FALSE) };
	struct sn_loop *loop;
	int err = sn_loop_new(NULL, &loop);

	if (err != SN_OK) {
		fprintf(stderr, "glib_loop: %s\n", sn_strerror(err));
		return EXIT_FAILURE;
	}
	run(&program, loop);
	sn_loop_free(&loop);
	g_main_loop_unref(program.main_loop);
	return EXIT_SUCCESS;
}

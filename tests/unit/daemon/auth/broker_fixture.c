#include "tests/unit/daemon/auth/broker_fixture.h"

static struct sn_broker_process *process;

void broker_start(const char *key_path)
{
	struct sn_str key_paths[] = { sn_str(key_path) };
	const struct sn_layout layout = {
		.key_paths = key_paths,
		.key_path_count = key_path != NULL ? 1 : 0,
	};
	int fd;

	ck_assert_int_eq(sn_broker_process_start(loop, &process, NULL), SN_OK);
	sn_broker_set_limits(sn_broker_process_client(process), &layout);
	ck_assert_int_eq(sn_broker_process_channel(process, SN_IPC_WORKER, &fd), SN_OK);
	ck_assert_int_eq(sn_broker_connect(loop, fd, SN_IPC_WORKER, &context.broker), SN_OK);
}

void broker_stop(void)
{
	sn_broker_disconnect(&context.broker);
	sn_broker_process_stop(&process);
}

void broker_setup(void)
{
	machine_setup();
	auth_setup();
	broker_start(NULL);
}

void broker_teardown(void)
{
	broker_stop();
	auth_teardown();
}

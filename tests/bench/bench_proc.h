/* What another process used: shared by the loads that measure a server from outside. */
#ifndef SN_TESTS_BENCH_BENCH_PROC_H
#define SN_TESTS_BENCH_BENCH_PROC_H

/* Prints "PROGRAM: what: strerror(errno)" and exits. */
_Noreturn void bench_die(const char *what);

double bench_now(void); /* monotonic seconds */

/* CPU time of all threads alive in the process, in seconds; includes what the kernel did for it. */
double bench_proc_cpu(const char *pid);

/* Private memory that it has written to, in bytes: what its connections add to the machine's use.
 */
long bench_proc_private(const char *pid);

/* As many descriptors as this process may have. */
void bench_raise_fd_limit(void);

/*
 * A TCP socket that will connect from 127.0.0.(2 + index / 5000): there are 28,000 ports to one
 * address, and the servers count connections by address.
 */
int bench_socket_from(unsigned index);

#endif

/*
 * A real PostgreSQL server for the tests of one program: made in a temporary folder, listening on a
 * unix socket only, gone with the program. Started as root it runs as user postgres. A test that
 * lacks its programs fails with their names.
 */
#ifndef SN_TESTS_UNIT_DAEMON_STORE_PQ_SERVER_H
#define SN_TESTS_UNIT_DAEMON_STORE_PQ_SERVER_H

#include <stdbool.h>

/* Once per program; later calls find it running. */
void pq_server_start(void);
/* Before each test: what pq_server_url says is a database nobody has used. It is made when the URL
 * is first asked for. */
void pq_server_new_database(void);
const char *pq_server_url(void);
/* The same with another database, which need not exist. */
const char *pq_server_url_of(const char *database);
/* SQL as the superuser in the test's database. */
void pq_server_does(const char *sql);
/* Connections to the test's database are ended from the server's side. */
void pq_server_kick(void);
/* SIGSTOP and SIGCONT for all of its processes. */
void pq_server_freeze(void);
void pq_server_thaw(void);
/* New connections to the test's database are turned away, or welcome again. */
void pq_server_refuse(bool refuse);

#endif

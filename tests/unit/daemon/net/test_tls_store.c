#include "tests/support/unit.h"

#include <stdio.h>
#include <unistd.h>

#include "tests/support/certs.h"
#include "tests/support/turn.h"
#include "tests/support/log_capture.h"

#include "daemon/net/tls_private.h"

static struct sn_loop *loop;
static struct sn_offload *pool;
static struct sn_test_dir dir;
static struct sn_tls_store *store;
static struct sn_diag diag;

static void set_up(void)
{
	ck_assert_int_eq(sn_loop_new(NULL, &loop), SN_OK);
	ck_assert_int_eq(
		sn_offload_new(&(struct sn_offload_options){ .threads = 1 }, &pool), SN_OK);
	sn_test_dir_make(&dir);
}

static void tear_down(void)
{
	if (store != NULL && store->attached > 0)
		sn_tls_store_detach(store);
	sn_offload_free(&pool);
	sn_loop_turn(loop, 0);
	sn_tls_store_unref(&store);
	sn_loop_free(&loop);
	sn_test_dir_remove(&dir);
}

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

/* A certificate with this CN and these names into this file. */
static struct sn_test_pem put(
	const struct sn_test_dir *folder, const char *file, const char *cn, const char *alt)
{
	const struct sn_test_cert *certs[1];
	struct sn_test_cert cert;
	struct sn_test_pem pem;

	sn_test_cert_make(&(struct sn_test_cert_options){ .name = cn, .alt = alt }, &cert);
	certs[0] = &cert;
	pem = sn_test_pem_write(folder, file, "kc", certs);
	sn_test_cert_fini(&cert);
	return pem;
}

static int get(const char *certs)
{
	return sn_tls_store_get(&(struct sn_tls_files){ .certs = certs }, &store, &diag);
}

static const char *cn_of(const struct sn_tls_cert *cert)
{
	static char text[100];

	ck_assert_int_gt(X509_NAME_get_text_by_NID(X509_get_subject_name(cert->leaf),
				 NID_commonName, text, sizeof(text)),
		0);
	return text;
}

static const char *pick(const char *sni)
{
	return cn_of(sn_tls_set_pick(store->set, sni));
}

/* --- choosing --------------------------------------------------------------------------------- */

static const struct {
	const char *sni, *cn;
} picks[] = {
	{ "a.example", "a" },
	{ "A.Example", "a" },
	{ "two.example", "a" },
	{ "www.wild.example", "wild" },
	{ "mail.wild.example", "mail" }, /* exact before wildcard */
	{ "wild.example", "default" },
	{ "x.www.wild.example", "default" }, /* a wildcard is one label */
	{ "by-file.example", "by-file" },
	{ "both.example", "both" }, /* the file that is called so, not the first with the name */
	{ "nobody.example", "default" },
	{ NULL, "default" },
	{ "", "default" },
	{ ".example", "default" },
	{ "default", "default" },
};

static void put_many(void)
{
	put(&dir, "a.example.pem", "a", "DNS:a.example,DNS:Two.Example,DNS:both.example");
	put(&dir, "wild.pem", "wild", "DNS:*.wild.example,IP:127.0.0.1");
	put(&dir, "mail.pem", "mail", "DNS:mail.wild.example");
	put(&dir, "by-file.example.pem", "by-file", NULL);
	put(&dir, "both.example.pem", "both", NULL);
	put(&dir, "default.pem", "default", "DNS:default.example");
	put(&dir, "ignored.crt", "ignored", "DNS:nobody.example");
	put(&dir, ".hidden.pem", "hidden", "DNS:nobody.example");
}

START_TEST(test_pick)
{
	put_many();
	ck_assert_int_eq(get(dir.path), SN_OK);
	ck_assert_str_eq(pick(picks[_i].sni), picks[_i].cn);
}
END_TEST

START_TEST(test_pick_long_name)
{
	char name[400];

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	put_many();
	ck_assert_int_eq(get(dir.path), SN_OK);
	ck_assert_str_eq(pick(name), "default");
}
END_TEST

START_TEST(test_first_without_default)
{
	put(&dir, "b.pem", "b", NULL);
	put(&dir, "a.pem", "a", NULL);
	ck_assert_int_eq(get(dir.path), SN_OK);
	ck_assert_str_eq(pick("nobody.example"), "a");
}
END_TEST

START_TEST(test_single_file)
{
	ck_assert_int_eq(get(put(&dir, "x.example.pem", "x", "DNS:y.example").path), SN_OK);
	ck_assert_str_eq(pick("nobody.example"), "x");
	ck_assert_str_eq(pick(NULL), "x");
}
END_TEST

/* --- loading ---------------------------------------------------------------------------------- */

START_TEST(test_empty_folder)
{
	ck_assert_int_eq(get(dir.path), SN_ECERT);
	ck_assert_ptr_nonnull(strstr(diag.text, "no certificate (*.pem) in this folder"));
	ck_assert_ptr_null(store);
}
END_TEST

START_TEST(test_folder_with_broken_file)
{
	const char *log;
	int code;

	sn_test_pem_write(&dir, "a.pem", "b", NULL);
	put(&dir, "good.pem", "good", NULL);
	log_capture_start();
	code = get(dir.path);
	log = log_capture_stop();
	ck_assert_int_eq(code, SN_OK);
	ck_assert_ptr_nonnull(strstr(log, "certificate-unusable"));
	ck_assert_ptr_nonnull(strstr(log, "a.pem: malformed PEM"));
	ck_assert_str_eq(pick(NULL), "good");
}
END_TEST

START_TEST(test_folder_all_broken)
{
	sn_test_pem_write(&dir, "a.pem", "x", NULL);
	sn_test_pem_write(&dir, "b.pem", "b", NULL);
	log_capture_start();
	ck_assert_int_eq(get(dir.path), SN_ECERT);
	log_capture_stop();
	ck_assert_ptr_nonnull(strstr(diag.text, "a.pem: no certificate in this file"));
}
END_TEST

START_TEST(test_folder_with_key)
{
	put(&dir, "a.pem", "a", NULL);
	ck_assert_int_eq(
		sn_tls_store_get(&(struct sn_tls_files){ .certs = dir.path, .key = "key.pem" },
			&store, &diag),
		SN_ECERT);
	ck_assert_ptr_nonnull(strstr(diag.text, "is a folder"));
}
END_TEST

START_TEST(test_shared)
{
	struct sn_test_pem pem = put(&dir, "a.pem", "a", NULL);
	struct sn_tls_store *again, *other;

	ck_assert_int_eq(get(pem.path), SN_OK);
	ck_assert_int_eq(
		sn_tls_store_get(&(struct sn_tls_files){ .certs = pem.path }, &again, &diag),
		SN_OK);
	ck_assert_ptr_eq(again, store);
	ck_assert_int_eq(
		sn_tls_store_get(&(struct sn_tls_files){ .certs = pem.path, .key = pem.path },
			&other, &diag),
		SN_OK);
	ck_assert_ptr_ne(other, store);
	sn_tls_store_unref(&again);
	sn_tls_store_unref(&other);
}
END_TEST

/* --- reloading -------------------------------------------------------------------------------- */

static void attach(void)
{
	ck_assert_int_eq(sn_tls_store_attach(store, loop, pool), SN_OK);
}

START_TEST(test_file_replaced)
{
	struct sn_tls_ticket_key key;
	struct sn_tls_set *old;

	ck_assert_int_eq(get(put(&dir, "a.pem", "old", NULL).path), SN_OK);
	attach();
	key = store->tickets.keys[0];
	old = sn_tls_set_ref(store->set); /* a handshake under way */
	put(&dir, "a.pem", "new", NULL);
	log_capture_start();
	sn_test_turn_until(loop, store->set != old);
	ck_assert_ptr_nonnull(strstr(log_capture_stop(), "certificates-reloaded"));
	ck_assert_str_eq(pick(NULL), "new");
	ck_assert_str_eq(cn_of(sn_tls_set_pick(old, NULL)), "old");
	ck_assert_mem_ne(key.aes, store->tickets.keys[0].aes, sizeof(key.aes));
	sn_tls_set_unref(&old);
}
END_TEST

/* As certbot and Kubernetes do it: the link is switched over, the file is not touched. */
START_TEST(test_link_switched)
{
	const struct sn_tls_set *old;
	char link[256], next[256];

	put(&dir, "1.crt", "one", NULL);
	put(&dir, "2.crt", "two", NULL);
	snprintf(link, sizeof(link), "%s/live.pem", dir.path);
	snprintf(next, sizeof(next), "%s/live.next", dir.path);
	ck_assert_int_eq(symlink("1.crt", link), 0);
	ck_assert_int_eq(get(link), SN_OK);
	attach();
	old = store->set;
	ck_assert_int_eq(symlink("2.crt", next), 0);
	ck_assert_int_eq(rename(next, link), 0);
	sn_test_turn_until(loop, store->set != old);
	ck_assert_str_eq(pick(NULL), "two");
}
END_TEST

START_TEST(test_folder_changes)
{
	const struct sn_tls_set *old;
	struct sn_test_pem gone;

	put(&dir, "a.pem", "a", "DNS:a.example");
	gone = put(&dir, "b.pem", "b", "DNS:b.example");
	ck_assert_int_eq(get(dir.path), SN_OK);
	attach();
	ck_assert_str_eq(pick("b.example"), "b");
	old = store->set;
	ck_assert_int_eq(unlink(gone.path), 0);
	put(&dir, "c.pem", "c", "DNS:c.example");
	sn_test_turn_until(loop, store->set != old);
	sn_test_turn_until(loop, strcmp(pick("c.example"), "c") == 0);
	sn_test_turn_until(loop, strcmp(pick("b.example"), "a") == 0);
}
END_TEST

/* The reading is done when nothing is under way and no event waits. */
static bool quiet(void)
{
	return !store->reloading && !sn_timer_armed(&store->settle);
}

static const char *refresh(void)
{
	log_capture_start();
	sn_tls_store_refresh(store);
	sn_test_turn_until(loop, quiet());
	return log_capture_stop();
}

START_TEST(test_broken_keeps_old)
{
	struct sn_tls_set *old;
	const char *log;

	put(&dir, "a.pem", "a", "DNS:a.example");
	put(&dir, "b.pem", "b", "DNS:b.example");
	ck_assert_int_eq(get(dir.path), SN_OK);
	attach();
	old = store->set;
	sn_test_pem_write(&dir, "b.pem", "b", NULL);
	log = refresh();
	ck_assert_msg(strstr(log, "certificate-unusable") != NULL, "%s", log);
	ck_assert_ptr_nonnull(strstr(log, "b.pem: malformed PEM"));
	ck_assert_ptr_eq(store->set, old);
	ck_assert_str_eq(pick("b.example"), "b");
	/* another file's change goes through, and the broken one stays what it was */
	put(&dir, "a.pem", "a2", "DNS:a.example");
	refresh();
	ck_assert_str_eq(pick("a.example"), "a2");
	ck_assert_str_eq(pick("b.example"), "b");
	put(&dir, "b.pem", "b2", "DNS:b.example");
	refresh();
	ck_assert_str_eq(pick("b.example"), "b2");
}
END_TEST

START_TEST(test_single_file_gone)
{
	struct sn_test_pem pem = put(&dir, "a.pem", "a", NULL);
	const char *log;

	ck_assert_int_eq(get(pem.path), SN_OK);
	attach();
	ck_assert_int_eq(unlink(pem.path), 0);
	log = refresh();
	ck_assert_ptr_nonnull(strstr(log, "a.pem: cannot be read"));
	ck_assert_str_eq(pick(NULL), "a");
}
END_TEST

START_TEST(test_folder_emptied)
{
	struct sn_test_pem pem = put(&dir, "a.pem", "a", NULL);
	const char *log;

	ck_assert_int_eq(get(dir.path), SN_OK);
	attach();
	ck_assert_int_eq(unlink(pem.path), 0);
	log = refresh();
	ck_assert_ptr_nonnull(strstr(log, "certificates-kept"));
	ck_assert_str_eq(pick(NULL), "a");
}
END_TEST

START_TEST(test_unchanged)
{
	const struct sn_tls_set *old;

	put(&dir, "a.pem", "a", NULL);
	ck_assert_int_eq(get(dir.path), SN_OK);
	attach();
	old = store->set;
	ck_assert_ptr_null(strstr(refresh(), "certificates-reloaded"));
	ck_assert_ptr_eq(store->set, old);
}
END_TEST

/* A folder that was moved away and made anew is found again. */
START_TEST(test_folder_recreated)
{
	struct sn_test_dir inner = sn_test_dir_inside(&dir, "certs"), next;
	char away[256];

	put(&inner, "a.pem", "a", NULL);
	ck_assert_int_eq(get(inner.path), SN_OK);
	attach();
	snprintf(away, sizeof(away), "%s/away", dir.path);
	ck_assert_int_eq(rename(inner.path, away), 0);
	next = sn_test_dir_inside(&dir, "certs");
	put(&next, "a.pem", "b", NULL);
	log_capture_start();
	sn_test_turn_until(loop, strcmp(pick(NULL), "b") == 0);
	put(&next, "a.pem", "c", NULL);
	sn_test_turn_until(loop, strcmp(pick(NULL), "c") == 0);
	log_capture_stop();
}
END_TEST

START_TEST(test_without_pool)
{
	put(&dir, "a.pem", "a", NULL);
	ck_assert_int_eq(get(dir.path), SN_OK);
	ck_assert_int_eq(sn_tls_store_attach(store, loop, NULL), SN_OK);
	put(&dir, "a.pem", "b", NULL);
	sn_tls_store_refresh(store);
	ck_assert_str_eq(pick(NULL), "b");
}
END_TEST

/* The last context goes while the pool is reading. */
START_TEST(test_detached_while_reading)
{
	put(&dir, "a.pem", "a", NULL);
	ck_assert_int_eq(get(dir.path), SN_OK);
	attach();
	put(&dir, "a.pem", "b", NULL);
	sn_tls_store_refresh(store);
	sn_tls_store_refresh(store); /* again, when this one is done */
	sn_tls_store_detach(store);
	sn_tls_store_unref(&store);
	sn_offload_free(&pool);
	sn_loop_turn(loop, 0);
	ck_assert_int_eq(get(dir.path), SN_OK); /* a new one: the old is gone */
	ck_assert_str_eq(pick(NULL), "b");
}
END_TEST

START_TEST(test_attached_twice)
{
	put(&dir, "a.pem", "a", NULL);
	ck_assert_int_eq(get(dir.path), SN_OK);
	attach();
	attach();
	sn_tls_store_detach(store);
	put(&dir, "a.pem", "b", NULL);
	sn_test_turn_until(loop, strcmp(pick(NULL), "b") == 0);
}
END_TEST

Suite *sn_suite_tls_store(void);

Suite *sn_suite_tls_store(void)
{
	Suite *suite = suite_create("tls_store");
	TCase *tc = tcase_create("tls_store");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_pick, 0, COUNT(picks));
	tcase_add_test(tc, test_pick_long_name);
	tcase_add_test(tc, test_first_without_default);
	tcase_add_test(tc, test_single_file);
	tcase_add_test(tc, test_empty_folder);
	tcase_add_test(tc, test_folder_with_broken_file);
	tcase_add_test(tc, test_folder_all_broken);
	tcase_add_test(tc, test_folder_with_key);
	tcase_add_test(tc, test_shared);
	tcase_add_test(tc, test_file_replaced);
	tcase_add_test(tc, test_link_switched);
	tcase_add_test(tc, test_folder_changes);
	tcase_add_test(tc, test_broken_keeps_old);
	tcase_add_test(tc, test_single_file_gone);
	tcase_add_test(tc, test_folder_emptied);
	tcase_add_test(tc, test_unchanged);
	tcase_add_test(tc, test_folder_recreated);
	tcase_add_test(tc, test_without_pool);
	tcase_add_test(tc, test_detached_while_reading);
	tcase_add_test(tc, test_attached_twice);
	suite_add_tcase(suite, tc);
	return suite;
}

/* The OS name of a thread: set, read back, cut, refused. */
#include <string.h>

#include "closure.h"

#define SPACE 1024 /* more than a name of 255 bytes can need */

static bool names_are_supported(void) {
  char name[SPACE];
  return prs_thread_get_name(name, sizeof name) != PRS_ENOTSUP;
}

static void need_names(void) {
  if (!names_are_supported()) check_skip("this platform names no threads");
}

static void assert_name(const char *expected) {
  char name[SPACE];
  ASSERT_INT(PRS_OK, prs_thread_get_name(name, sizeof name));
  ASSERT_TEXT(expected, name);
}

static void set_name(const char *name) {
  ASSERT_INT(PRS_OK, prs_thread_set_name(name, strlen(name)));
}

static void name_is_read_back(void) {
  need_names();
  set_name("worker-1");
  assert_name("worker-1");
  set_name("caf\xC3\xA9 \xE2\x82\xAC"); /* two and three bytes */
  assert_name("caf\xC3\xA9 \xE2\x82\xAC");
}

static void empty_name_is_legal(void) {
  need_names();
  set_name("before");
  ASSERT_INT(PRS_OK, prs_thread_set_name("", 0));
  assert_name("");
}

static void only_the_given_bytes_count(void) {
  need_names();
  ASSERT_INT(PRS_OK, prs_thread_set_name("abcdef", 3));
  assert_name("abc");
}

static void nul_inside_is_refused(void) {
  need_names();
  set_name("before");
  ASSERT_INT(PRS_EINVAL, prs_thread_set_name("a\0b", 3));
  ASSERT_INT(PRS_EINVAL, prs_thread_set_name("ab\0", 3));
  ASSERT_INT(PRS_EINVAL, prs_thread_set_name("\0", 1));
  assert_name("before");
}

/* `lead` bytes of ASCII, then one character of `width` bytes again and again:
 * with every lead the limit falls on another byte of a character. */
static void cut_after(size_t lead, const char *character) {
  char name[SPACE];
  size_t width = strlen(character);
  size_t length = lead;
  memset(name, 'a', lead);
  while (length + width < 2 * PRS_NAME_LIMIT) {
    memcpy(name + length, character, width);
    length += width;
  }
  ASSERT_INT(PRS_OK, prs_thread_set_name(name, length));
  name[lead + (check_os_name_limit - lead) / width * width] = '\0';
  assert_name(name);
}

static void long_name_is_cut_between_characters(void) {
  need_names();
  static const char *characters[] = {"x", "\xC3\xA9", "\xE2\x82\xAC",
                                     "\xF0\x9F\xA6\x80"};
  for (size_t i = 0; i < sizeof characters / sizeof *characters; i++)
    for (size_t lead = 0; lead < 5; lead++) cut_after(lead, characters[i]);
}

static void name_of_the_limit_is_not_cut(void) {
  need_names();
  char name[SPACE];
  memset(name, 'n', check_os_name_limit);
  name[check_os_name_limit] = '\0';
  set_name(name);
  assert_name(name);
}

static void cut_keeps_what_fits(void) {
  ASSERT_UINT(0, prs__name_cut("", 0, 15));
  ASSERT_UINT(3, prs__name_cut("abc", 3, 3));
  ASSERT_UINT(2, prs__name_cut("abc", 3, 2));
  ASSERT_UINT(1, prs__name_cut("a\xE2\x82\xAC", 4, 3));
  ASSERT_UINT(1, prs__name_cut("a\xE2\x82\xAC", 4, 2));
  ASSERT_UINT(0, prs__name_cut("\xE2\x82\xAC", 3, 2));
  /* Not UTF-8: no character begins anywhere, so nothing is kept. */
  ASSERT_UINT(0, prs__name_cut("\x80\x80\x80", 3, 2));
}

static void small_buffer_is_refused_and_untouched(void) {
  need_names();
  set_name("four");
  char name[4] = {'?', '?', '?', '?'};
  ASSERT_INT(PRS_EINVAL, prs_thread_get_name(name, sizeof name));
  ASSERT_INT(PRS_EINVAL, prs_thread_get_name(name, 0));
  for (size_t i = 0; i < sizeof name; i++) ASSERT_INT('?', name[i]);
}

/* ---- names of closures -------------------------------------------------- */

static void read_name(void *buffer) {
  ASSERT_INT(PRS_OK, prs_thread_get_name(buffer, SPACE));
}

/* The OS name that a closure sees when its packet has the given one. */
static void name_in_closure(const char *name, char *seen, bool dedicated) {
  prs_packet_t *packet = closure_new(read_name, seen);
  if (name != NULL)
    ASSERT_INT(PRS_OK, prs_packet_set_name(packet, name, strlen(name)));
  closure_start(packet, (prs_spawn_options_t){.dedicated = dedicated});
  closure_join(packet);
}

static void closure_bears_the_name_of_its_packet(void) {
  need_names();
  char seen[SPACE];
  name_in_closure("first", seen, false);
  ASSERT_TEXT("first", seen);
  name_in_closure("second", seen, false);
  ASSERT_TEXT("second", seen);
  ASSERT_UINT(1, check_statistics().os_threads_created);
  name_in_closure("third", seen, true);
  ASSERT_TEXT("third", seen);
  closure_assert_nothing_left();
}

/* A worker is used by many: what it is called must not depend on who came
 * before. */
static void unnamed_closure_sees_no_name_of_another(void) {
  need_names();
  char first[SPACE];
  char seen[SPACE];
  name_in_closure(NULL, first, false);
  name_in_closure("other", seen, false);
  name_in_closure(NULL, seen, false);
  ASSERT_TEXT(first, seen);
  ASSERT_UINT(1, check_statistics().os_threads_created);
  closure_assert_nothing_left();
}

static void rename_itself(void *arg) {
  (void)arg;
  set_name("renamed");
}

static void name_that_a_closure_took_goes_with_it(void) {
  need_names();
  char first[SPACE];
  char seen[SPACE];
  name_in_closure(NULL, first, false);
  closure_join(closure_spawn(rename_itself, NULL));
  name_in_closure(NULL, seen, false);
  ASSERT_TEXT(first, seen);
  ASSERT_UINT(1, check_statistics().os_threads_created);
  closure_assert_nothing_left();
}

const check_test_t check_tests[] = {
    TEST(name_is_read_back),
    TEST(empty_name_is_legal),
    TEST(only_the_given_bytes_count),
    TEST(nul_inside_is_refused),
    TEST(long_name_is_cut_between_characters),
    TEST(name_of_the_limit_is_not_cut),
    TEST(cut_keeps_what_fits),
    TEST(small_buffer_is_refused_and_untouched),
    TEST(closure_bears_the_name_of_its_packet),
    TEST(unnamed_closure_sees_no_name_of_another),
    TEST(name_that_a_closure_took_goes_with_it),
    END_OF_TESTS,
};

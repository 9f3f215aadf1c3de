/* Native calls where integers and floating numbers travel in registers of
 * their own: System V on x86-64 and AAPCS64 (Apple's variant, too). There the
 * n-th integer is in the n-th integer register wherever it stands among the
 * parameters, so one type of function per result serves every signature: a
 * function does not look at registers that it has no parameter for. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../core/prs_native.h"

#define WORDS uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t
#define FLOATS double, double, double, double, double, double, double, double

typedef void (*void_function_t)(WORDS, FLOATS);
typedef uint64_t (*word_function_t)(WORDS, FLOATS);
typedef double (*double_function_t)(WORDS, FLOATS);
typedef float (*float_function_t)(WORDS, FLOATS);

#define PASS(w, f)                                                        \
  w[0], w[1], w[2], w[3], w[4], w[5], f[0], f[1], f[2], f[3], f[4], f[5], \
      f[6], f[7]

bool prs__native_is_known(void) {
#if defined(__x86_64__) && !defined(__ILP32__)
  return true;
#elif defined(__aarch64__) && defined(__LP64__) && !defined(__AARCH64EB__)
  return true;
#else
  return false;
#endif
}

#if defined(__linux__)

/* glibc 2.35 knows without a lock what belongs to a loaded library. A system
 * call takes as long as the rest of a spawn on some virtual machines. */
static bool is_in_library(uintptr_t address) {
#if defined(DLFO_STRUCT_HAS_EH_DBASE)
  struct dl_find_object found;
  return _dl_find_object((void *)address, &found) == 0;
#else
  (void)address;
  return false;
#endif
}

#endif

/* mincore(2) fails with ENOMEM for memory that is not mapped. Its last argument
 * has another type on each of the other systems. */
bool prs__native_is_mapped(uintptr_t address) {
#if defined(__linux__)
  if (is_in_library(address)) return true;
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  unsigned char is_in_core;
  void *start = (void *)(address & ~(page - 1));
  return mincore(start, 1, &is_in_core) == 0 || errno != ENOMEM;
#else
  (void)address;
  return true;
#endif
}

/* A float is the lower half of its register; what is above is not looked at. */
static void sort_slots(const prs_native_call_t *call, uint64_t *words,
                       double *floats) {
  uint32_t word = 0;
  uint32_t floating = 0;
  for (uint32_t i = 0; i < call->count; i++) {
    if ((call->floating >> i & 1) == 0 && word < PRS_NATIVE_WORDS)
      words[word++] = call->slots[i];
    else if (floating < PRS_NATIVE_FLOATS)
      memcpy(&floats[floating++], &call->slots[i], sizeof *floats);
  }
}

void prs__native_call(prs_native_call_t *call) {
  uint64_t w[PRS_NATIVE_WORDS] = {0};
  double f[PRS_NATIVE_FLOATS] = {0};
  double wide;
  float narrow;
  sort_slots(call, w, f);
  errno = 0;
  switch (call->kind) {
    case PRS_NATIVE_VOID:
      ((void_function_t)call->function)(PASS(w, f));
      break;
    case PRS_NATIVE_WORD:
      call->result = ((word_function_t)call->function)(PASS(w, f));
      break;
    case PRS_NATIVE_DOUBLE:
      wide = ((double_function_t)call->function)(PASS(w, f));
      memcpy(&call->result, &wide, sizeof wide);
      break;
    case PRS_NATIVE_FLOAT:
      narrow = ((float_function_t)call->function)(PASS(w, f));
      memcpy(&call->result, &narrow, sizeof narrow);
      break;
  }
  call->error = errno;
}

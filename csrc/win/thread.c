/* OS threads by Win32 and the C runtime. */
#include <errno.h>
#include <limits.h>
#include <process.h>
#include <stdlib.h>
#include <string.h>

#include "../core/prs_core.h"
#include "platform.h"

#define NANOSECONDS 1000000000u
#define NS_PER_TICK 100u /* of a waitable timer */
#define LEAST_STACK ((size_t)64 << 10)

/* What a thread of ours knows about itself. */
typedef struct own {
  prs_os_start_t start;
  HANDLE thread;
} own_t;

static INIT_ONCE slot_once = INIT_ONCE_STATIC_INIT;
static DWORD slot = FLS_OUT_OF_INDEXES; /* holds the thread's own_t */

/* Windows calls this on a thread that ends while its slot is filled. The body
 * has emptied it when it returns, so somebody ended the thread from inside:
 * CPython up to 3.13 does, by _endthreadex. */
static void WINAPI slot_left(void *value) {
  own_t *own = value;
  if (own != NULL) own->start.killed(own->start.arg);
}

static BOOL CALLBACK make_slot(INIT_ONCE *once, void *arg, void **context) {
  (void)once, (void)arg, (void)context;
  slot = FlsAlloc(slot_left);
  return slot != FLS_OUT_OF_INDEXES;
}

/* Returns: NULL on a thread that this file did not start. */
static own_t *own_of_caller(void) {
  return slot != FLS_OUT_OF_INDEXES ? FlsGetValue(slot) : NULL;
}

static int status_of(int error) {
  switch (error) {
    case EINVAL:
      return PRS_EINVAL;
    case ENOMEM:
      return PRS_ENOMEM;
    default:
      return PRS_EAGAIN;
  }
}

/* The copy on the stack is still there when slot_left runs: the thread ends
 * from a frame above this one. */
static unsigned __stdcall trampoline(void *arg) {
  own_t own = *(own_t *)arg;
  free(arg);
  (void)FlsSetValue(slot, &own);
  own.start.body(own.start.arg);
  (void)FlsSetValue(slot, NULL);
  return 0;
}

/* Suspended, for the thread must know its handle before it runs. `stack`
 * would be what is committed at once; the flag makes it what is reserved.
 * Returns: 0 or an errno. */
static int create(own_t *own, size_t stack) {
  unsigned flags = CREATE_SUSPENDED | STACK_SIZE_PARAM_IS_A_RESERVATION;
  if (!InitOnceExecuteOnce(&slot_once, make_slot, NULL, NULL)) return ENOMEM;
  errno = 0;
  uintptr_t thread =
      _beginthreadex(NULL, (unsigned)stack, trampoline, own, flags, NULL);
  if (thread == 0) return errno != 0 ? errno : EAGAIN;
  own->thread = (HANDLE)thread;
  return 0;
}

int prs__thread_create(prs_os_thread_t *out, const prs_os_start_t *start,
                       int *os_error) {
  size_t stack = start->stack_size;
  if (stack == 0) stack = PRS_STACK_DEFAULT;
  if (stack < LEAST_STACK) stack = LEAST_STACK;
  if (stack > UINT_MAX) { /* _beginthreadex takes no more */
    *os_error = EINVAL;
    return PRS_EINVAL;
  }
  own_t *own = malloc(sizeof *own);
  if (own == NULL) {
    *os_error = ENOMEM;
    return PRS_ENOMEM;
  }
  own->start = *start;
  int error = create(own, stack);
  if (error != 0) {
    free(own);
    *os_error = error;
    return status_of(error);
  }
  /* From ResumeThread on `own` belongs to the thread. */
  HANDLE thread = own->thread;
  out->bits = (uintptr_t)thread;
  (void)ResumeThread(thread);
  return PRS_OK;
}

void prs__thread_detach_self(void) {
  own_t *own = own_of_caller();
  if (own != NULL) (void)CloseHandle(own->thread);
}

void prs__thread_join(prs_os_thread_t thread) {
  (void)WaitForSingleObject((HANDLE)thread.bits, INFINITE);
  (void)CloseHandle((HANDLE)thread.bits);
}

bool prs__thread_try_join(prs_os_thread_t thread) {
  if (WaitForSingleObject((HANDLE)thread.bits, 0) != WAIT_OBJECT_0)
    return false;
  (void)CloseHandle((HANDLE)thread.bits);
  return true;
}

/* GetCurrentThread gives a name for "the caller", whoever asks: a thread that
 * this file did not start gets a real handle, which prs__thread_join closes. */
prs_os_thread_t prs__thread_self(void) {
  own_t *own = own_of_caller();
  if (own != NULL) return (prs_os_thread_t){.bits = (uintptr_t)own->thread};
  HANDLE copy = NULL;
  (void)DuplicateHandle(GetCurrentProcess(), GetCurrentThread(),
                        GetCurrentProcess(), &copy, 0, FALSE,
                        DUPLICATE_SAME_ACCESS);
  return (prs_os_thread_t){.bits = (uintptr_t)copy};
}

_Noreturn void prs__thread_strand(void) {
  for (;;) Sleep(INFINITE);
}

/* Split, for ticks times 10^9 leave 64 bits after half an hour. */
uint64_t prs_now(void) {
  LARGE_INTEGER ticks;
  LARGE_INTEGER per_second;
  (void)QueryPerformanceCounter(&ticks);
  (void)QueryPerformanceFrequency(&per_second);
  uint64_t now = (uint64_t)ticks.QuadPart;
  uint64_t rate = (uint64_t)per_second.QuadPart;
  return now / rate * NANOSECONDS + now % rate * NANOSECONDS / rate;
}

uint64_t prs_thread_os_id(void) { return GetCurrentThreadId(); }

typedef HRESULT(WINAPI *set_description_t)(HANDLE, PCWSTR);
typedef HRESULT(WINAPI *get_description_t)(HANDLE, PWSTR *);

/* Windows 10 has them from 1607 on, Server 2016 in kernelbase.dll only. Any
 * type of function may stand in for any other while nobody calls it. */
typedef void (*any_function_t)(void);
static any_function_t description_function(const char *name) {
  HMODULE module = GetModuleHandleW(L"kernelbase.dll");
  return module != NULL ? (any_function_t)GetProcAddress(module, name) : NULL;
}

int prs_thread_set_name(const char *utf8, size_t length) {
  wchar_t name[PRS_PLATFORM_NAME_LIMIT + 1];
  if (memchr(utf8, 0, length) != NULL) return PRS_EINVAL;
  set_description_t set =
      (set_description_t)description_function("SetThreadDescription");
  if (set == NULL) return PRS_ENOTSUP;
  length = prs__name_cut(utf8, length, PRS_PLATFORM_NAME_LIMIT);
  int units = 0; /* the conversion calls an empty text an error */
  if (length > 0)
    units = MultiByteToWideChar(CP_UTF8, 0, utf8, (int)length, name,
                                PRS_PLATFORM_NAME_LIMIT);
  name[units] = L'\0';
  return SUCCEEDED(set(GetCurrentThread(), name)) ? PRS_OK : PRS_ENOTSUP;
}

int prs_thread_get_name(char *buffer, size_t capacity) {
  get_description_t get =
      (get_description_t)description_function("GetThreadDescription");
  PWSTR name = NULL;
  if (get == NULL || !SUCCEEDED(get(GetCurrentThread(), &name)))
    return PRS_ENOTSUP;
  int size = WideCharToMultiByte(CP_UTF8, 0, name, -1, NULL, 0, NULL, NULL);
  bool fits = size > 0 && (size_t)size <= capacity;
  if (fits)
    (void)WideCharToMultiByte(CP_UTF8, 0, name, -1, buffer, size, NULL, NULL);
  (void)LocalFree(name);
  return fits ? PRS_OK : PRS_EINVAL;
}

void prs_yield(void) { (void)SwitchToThread(); }

/* One wait of about the given time, shorter or longer as the system likes. */
static void wait_about(HANDLE timer, uint64_t nanoseconds) {
  LARGE_INTEGER due; /* negative: relative */
  due.QuadPart = -(LONGLONG)(nanoseconds / NS_PER_TICK) - 1;
  if (timer != NULL && SetWaitableTimer(timer, &due, 0, NULL, NULL, FALSE))
    (void)WaitForSingleObject(timer, INFINITE);
  else
    Sleep(prs__platform_milliseconds(nanoseconds));
}

/* Sleep alone counts in ticks of up to 15.6 ms. */
int prs_sleep(uint64_t nanoseconds) {
  uint64_t began = prs_now();
  HANDLE timer =
      CreateWaitableTimerExW(NULL, NULL, CREATE_WAITABLE_TIMER_HIGH_RESOLUTION,
                             SYNCHRONIZE | TIMER_MODIFY_STATE);
  for (;;) {
    uint64_t spent = prs_now() - began;
    if (spent >= nanoseconds) break;
    wait_about(timer, nanoseconds - spent);
  }
  if (timer != NULL) (void)CloseHandle(timer);
  prs__hold();
  return PRS_OK;
}

uint32_t prs__cpu(void) {
  PROCESSOR_NUMBER cpu;
  GetCurrentProcessorNumberEx(&cpu);
  return (uint32_t)cpu.Group * MAXIMUM_PROC_PER_GROUP + cpu.Number;
}

/* Windows does not fork. */
int prs__fork_install(void (*prepare)(void), void (*parent)(void),
                      void (*child)(void)) {
  (void)prepare, (void)parent, (void)child;
  return PRS_OK;
}

/* What every file of this floor needs of Windows. */
#ifndef PRS_PLATFORM_H
#define PRS_PLATFORM_H

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

/* Windows takes 32,767 UTF-16 units; what core keeps of a name is less. */
#define PRS_PLATFORM_NAME_LIMIT PRS_NAME_LIMIT

/* From Windows 10 1803 on; the headers of mingw-w64 10 do not have it. */
#ifndef CREATE_WAITABLE_TIMER_HIGH_RESOLUTION
#define CREATE_WAITABLE_TIMER_HIGH_RESOLUTION 0x00000002
#endif

/* From Windows 10 on; missing there, too. */
#ifndef JOB_OBJECT_CPU_RATE_CONTROL_MIN_MAX_RATE
#define JOB_OBJECT_CPU_RATE_CONTROL_MIN_MAX_RATE 0x10
#endif

#define PRS_NS_PER_MS 1000000u

/* Whole milliseconds, rounded up, for a wait that is given `nanoseconds`;
 * below INFINITE, so that a huge value is cut and not taken for "for ever". */
static inline DWORD prs__platform_milliseconds(uint64_t nanoseconds) {
  uint64_t whole = nanoseconds / PRS_NS_PER_MS;
  if (nanoseconds % PRS_NS_PER_MS != 0) whole++;
  return whole < INFINITE ? (DWORD)whole : INFINITE - 1;
}

#endif

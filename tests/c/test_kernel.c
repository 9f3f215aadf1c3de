/* The kernel of the benchmark: known pixels, and the rows that it is to draw.
 */
#include <string.h>

#include "check.h"

#define SIDE 12
#define DEPTH 300
#define UNTOUCHED 0xAA

static uint8_t image[SIDE * SIDE];

static void clear(void) { memset(image, UNTOUCHED, sizeof image); }

static void points_inside_never_leave_and_outside_leave_at_once(void) {
  clear();
  prs_mandelbrot(0, SIDE, image, SIDE, DEPTH, 1);
  /* Row 6 is y = 0: x = -1 stays inside, x = -2 on the edge, x = 0.75 goes. */
  ASSERT_UINT(DEPTH & 0xff, image[6 * SIDE + 4]);
  ASSERT_UINT(DEPTH & 0xff, image[6 * SIDE + 0]);
  ASSERT(image[6 * SIDE + 11] < 10);
  /* The corner -2 - 1.5i is outside of the circle after one step. */
  ASSERT_UINT(1, image[0]);
}

static void image_is_the_same_above_and_below(void) {
  clear();
  prs_mandelbrot(0, SIDE, image, SIDE, DEPTH, 1);
  for (int row = 1; row < SIDE / 2; row++)
    ASSERT_INT(0,
               memcmp(image + row * SIDE, image + (SIDE - row) * SIDE, SIDE));
}

static void only_the_rows_of_the_stride_are_drawn(void) {
  uint8_t whole[SIDE * SIDE];
  prs_mandelbrot(0, SIDE, whole, SIDE, DEPTH, 1);
  clear();
  prs_mandelbrot(1, SIDE - 1, image, SIDE, DEPTH, 5);
  for (int row = 0; row < SIDE; row++)
    for (int column = 0; column < SIDE; column++) {
      int place = row * SIDE + column;
      bool drawn = row == 1 || row == 6;
      ASSERT_UINT(drawn ? whole[place] : UNTOUCHED, image[place]);
    }
}

static void empty_range_draws_nothing(void) {
  clear();
  prs_mandelbrot(3, 3, image, SIDE, DEPTH, 1);
  for (size_t place = 0; place < sizeof image; place++)
    ASSERT_UINT(UNTOUCHED, image[place]);
}

const check_test_t check_tests[] = {
    TEST(points_inside_never_leave_and_outside_leave_at_once),
    TEST(image_is_the_same_above_and_below),
    TEST(only_the_rows_of_the_stride_are_drawn),
    TEST(empty_range_draws_nothing),
    END_OF_TESTS,
};

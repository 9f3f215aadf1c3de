/* The native work of `python -m pythread_rs bench`: a Mandelbrot image.
 *
 * It is here because an installed package can count on no compiler. Every
 * pixel depends on its place alone, so that the image is the same byte for
 * byte whatever thread drew which row. */
#include "prs_core.h"

/* Count the steps until z = z * z + c leaves the circle of radius 2. */
static int32_t steps(double x, double y, int32_t depth) {
  double re = 0.0, im = 0.0;
  int32_t n = 0;
  for (; n < depth && re * re + im * im <= 4.0; n++) {
    double next = re * re - im * im + x;
    im = 2.0 * re * im + y;
    re = next;
  }
  return n;
}

void prs_mandelbrot(int64_t begin, int64_t end, uint8_t *pixels, int64_t side,
                    int32_t depth, int64_t stride) {
  for (int64_t row = begin; row < end; row += stride) {
    double y = 3.0 * (double)row / (double)side - 1.5;
    for (int64_t column = 0; column < side; column++) {
      double x = 3.0 * (double)column / (double)side - 2.0;
      pixels[row * side + column] = (uint8_t)(steps(x, y, depth) & 0xff);
    }
  }
}

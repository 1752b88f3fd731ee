// Compares pictures in the browser, which can read them.

/** Averages of blocks of a picture, in a page that is given the picture as a data URL. */
async function inPage(page, one, other, block) {
  return page.evaluate(
    async ([one, other, block]) => {
      const pixels = async (base64) => {
        const image = new Image();
        image.src = `data:image/png;base64,${base64}`;
        await image.decode();
        const canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = [image.width, image.height];
        const context = canvas.getContext("2d", { willReadFrequently: true });
        context.drawImage(image, 0, 0);
        return context.getImageData(0, 0, image.width, image.height);
      };
      const averages = ({ width, height, data }) => {
        const across = Math.ceil(width / block);
        const sums = new Float64Array(across * Math.ceil(height / block) * 3);
        const counts = new Float64Array(sums.length / 3);
        for (let y = 0; y < height; y++) {
          for (let x = 0; x < width; x++) {
            const place = Math.floor(y / block) * across + Math.floor(x / block);
            counts[place]++;
            for (let colour = 0; colour < 3; colour++) sums[place * 3 + colour] += data[(y * width + x) * 4 + colour];
          }
        }
        return sums.map((sum, place) => sum / counts[Math.floor(place / 3)]);
      };
      const [a, b] = [await pixels(one), await pixels(other)];
      if (a.width !== b.width || a.height !== b.height) return null;
      const [first, second] = [averages(a), averages(b)];
      return [...first].map((value, place) => Math.abs(value - second[place]));
    },
    [one.toString("base64"), other.toString("base64"), block],
  );
}

/** The share of pixels that differ visibly; 1 if the sizes do. */
export async function differing(page, one, other) {
  const differences = await inPage(page, one, other, 1);
  if (differences === null) return 1;
  let pixels = 0;
  for (let place = 0; place < differences.length; place += 3) {
    if (Math.max(...differences.slice(place, place + 3)) > 24) pixels++;
  }
  return pixels / (differences.length / 3);
}

/** How far two pictures are apart in coarse blocks, where fonts and the smoothing of edges do not matter: the share of blocks
 * whose average colour differs by more than a sixteenth of the scale; 1 if the sizes differ. */
export async function apart(page, one, other) {
  const differences = await inPage(page, one, other, 32);
  if (differences === null) return 1;
  let blocks = 0;
  for (let place = 0; place < differences.length; place += 3) {
    if (Math.max(...differences.slice(place, place + 3)) > 16) blocks++;
  }
  return blocks / (differences.length / 3);
}

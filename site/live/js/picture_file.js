// A picture of the reader's as numbers: square and small, in colour or, like the garments, in grey.

const LIGHT_PAPER = 0.5; // a lighter border means dark on light: a grey picture is turned round

/** Anything that createImageBitmap takes -> {values, turned}; rejects what is no picture. */
export async function valuesOf(blob, side, nColors) {
  const bitmap = await createImageBitmap(blob), canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.fillStyle = "#fff"; // behind what is transparent
  pen.fillRect(0, 0, side, side);
  pen.imageSmoothingQuality = "high";
  const scale = side / Math.max(bitmap.width, bitmap.height);
  const [width, height] = [bitmap.width * scale, bitmap.height * scale];
  pen.drawImage(bitmap, (side - width) / 2, (side - height) / 2, width, height);
  const { data } = pen.getImageData(0, 0, side, side), nPixels = side * side;
  if (nColors === 3) {
    const values = Float32Array.from({ length: 3 * nPixels }, (_, n) => data[4 * Math.floor(n / 3) + (n % 3)] / 255);
    return { values, turned: false };
  }
  const grey = Float32Array.from({ length: nPixels }, (_, p) =>
    (0.299 * data[4 * p] + 0.587 * data[4 * p + 1] + 0.114 * data[4 * p + 2]) / 255);
  const border = grey.filter((_, p) => p < side || p >= nPixels - side || p % side === 0 || p % side === side - 1);
  const turned = border.reduce((sum, each) => sum + each, 0) / border.length > LIGHT_PAPER;
  return { values: turned ? grey.map((value) => 1 - value) : grey, turned };
}

/** Calls `take(blob)` for a file that is chosen, pasted or dropped. */
export function watchPictures({ button, input, target, take }) {
  const first = (files) => [...files].find((file) => file.type.startsWith("image/"));
  const use = (files) => {
    const file = first(files ?? []);
    if (file) take(file);
    return Boolean(file);
  };
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    use(input.files);
    input.value = ""; // the same file may be chosen again
  });
  document.addEventListener("paste", (event) => use(event.clipboardData?.files) && event.preventDefault());
  target.addEventListener("dragover", (event) => event.preventDefault());
  target.addEventListener("drop", (event) => {
    event.preventDefault();
    use(event.dataTransfer.files);
  });
}

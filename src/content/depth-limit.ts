/** Documents inside each other that are followed. Real images have two or three. */
export const DEPTH_LIMIT = 16;

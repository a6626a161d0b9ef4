/**
 * A camera's picture, and what is drawn on it: lines, zones and masks.
 *
 * One code for the page that a box serves and for the console (docs/adr/0032): no framework, no words of its own.
 * Coordinates are parts of the picture, from its top left, as in scene files.
 */

export const LISTS = { tripwire: 'tripwires', zone: 'zones', mask: 'masks' }

/** What can be said of each kind in a form: the key, and its options where there are some. */
export const FIELDS = {
  tripwire: [['name'], ['direction', ['both', 'left_to_right', 'right_to_left']], ['priority', [1, 2, 3, 4]]],
  zone: [['name'], ['kind', ['intrusion', 'loitering', 'wrong_way']], ['dwell_s'], ['heading'], ['priority', [1, 2, 3, 4]]],
  mask: [['privacy', [false, true]]],
}

const COLOURS = { tripwire: '#ff5c5c', zone: '#4da3ff', mask: '#b0b0b0' }
const DEFAULT_PRIORITY = 2
const STEP = 0.005

export const leastPoints = (kind) => (kind === 'tripwire' ? 2 : 3)

/** Everything of a scene, in the order of its lists. */
export const things = (scene) =>
  Object.entries(LISTS).flatMap(([kind, list]) => (scene[list] ?? []).map((thing) => ({ kind, thing })))

/** The first thing that is not drawn to its end. */
export const unfinished = (scene) => things(scene).find(({ kind, thing }) => thing.points.length < leastPoints(kind))

/** What a form shows of a thing's key. */
export function shown(thing, key, options) {
  const value = thing[key]
  if (value !== undefined && value !== null) return String(value)
  if (!options) return ''
  return String(key === 'priority' ? DEFAULT_PRIORITY : options[0])
}

/** Take what was typed or chosen in a form. */
export function set(thing, key, text) {
  if (text === '') delete thing[key]
  else if (key === 'priority' || key === 'dwell_s') thing[key] = Number(text)
  else if (key === 'privacy') thing[key] = text === 'true'
  else if (key === 'heading') thing[key] = text.split(',').map(Number)
  else thing[key] = text
}

export class SceneCanvas {
  /**
   * @param canvas the element; `tabindex` lets it hear keys.
   * @param heard `name(kind)`: what a thing without a name is called; `changed()`: something was drawn, or chosen;
   *   `unchosen()`: a point was set and nothing is chosen that it could belong to.
   */
  constructor(canvas, heard) {
    this.canvas = canvas
    this.heard = heard
    this.pen = canvas.getContext('2d')
    this.image = null
    this.scene = {}
    this.chosen = null
    this.dragged = null
    canvas.style.touchAction = 'none'
    canvas.addEventListener('pointerdown', (event) => this.#press(event))
    canvas.addEventListener('pointermove', (event) => this.#drag(event))
    canvas.addEventListener('pointerup', () => (this.dragged = null))
    canvas.addEventListener('keydown', (event) => this.#key(event))
  }

  /** Show another picture under what is drawn. */
  async show(src) {
    const image = new Image()
    image.src = src
    await image.decode()
    this.image = image
    this.canvas.width = image.width
    this.canvas.height = image.height
    this.draw()
  }

  /** Draw upon another scene. */
  take(scene) {
    this.scene = scene
    this.choose(null)
  }

  choose(kind, thing) {
    this.chosen = kind ? { kind, thing } : null
    this.#changed()
  }

  add(kind, name) {
    const list = LISTS[kind]
    const thing = kind === 'mask' ? { points: [] } : { name, points: [] }
    this.scene[list] = [...(this.scene[list] ?? []), thing]
    this.choose(kind, this.scene[list].at(-1))
    this.canvas.focus()
  }

  remove(kind, thing) {
    this.scene[LISTS[kind]] = this.scene[LISTS[kind]].filter((other) => other !== thing)
    this.choose(null)
  }

  draw() {
    const { pen, canvas } = this
    if (this.image) pen.drawImage(this.image, 0, 0)
    const unit = Math.max(1, canvas.height / 480)
    for (const { kind, thing } of things(this.scene)) {
      const points = thing.points.map(([x, y]) => [x * canvas.width, y * canvas.height])
      pen.lineWidth = (thing === this.chosen?.thing ? 4 : 2) * unit
      pen.strokeStyle = pen.fillStyle = COLOURS[kind]
      pen.beginPath()
      points.forEach(([x, y], n) => (n ? pen.lineTo(x, y) : pen.moveTo(x, y)))
      if (kind !== 'tripwire') pen.closePath()
      pen.stroke()
      if (kind === 'mask') this.#fill(thing.privacy ? 0.9 : 0.3)
      for (const [x, y] of points) {
        pen.beginPath()
        pen.arc(x, y, 4 * unit, 0, 7)
        pen.fill()
      }
      if (kind === 'tripwire' && points.length > 1) this.#arrows(points, thing.direction ?? 'both', unit)
      pen.font = `${14 * unit}px sans-serif`
      if (points.length) pen.fillText(thing.name || this.heard.name(kind), points[0][0] + 8 * unit, points[0][1] - 6 * unit)
    }
  }

  #fill(alpha) {
    this.pen.globalAlpha = alpha
    this.pen.fillStyle = '#000'
    this.pen.fill()
    this.pen.globalAlpha = 1
  }

  /** To the side that counts: right is to the right of the walk from the first point to the second; y grows downwards. */
  #arrows([[ax, ay], [bx, by]], direction, unit) {
    const { pen } = this
    const length = Math.hypot(bx - ax, by - ay) || 1
    const [mx, my] = [(ax + bx) / 2, (ay + by) / 2]
    const [rx, ry] = [(-(by - ay) / length) * 30 * unit, ((bx - ax) / length) * 30 * unit]
    const ways = { left_to_right: [[rx, ry]], right_to_left: [[-rx, -ry]], both: [[rx, ry], [-rx, -ry]] }[direction]
    for (const [x, y] of ways) {
      const angle = Math.atan2(y, x)
      pen.beginPath()
      pen.moveTo(mx, my)
      pen.lineTo(mx + x, my + y)
      for (const turn of [2.6, -2.6]) {
        pen.moveTo(mx + x, my + y)
        pen.lineTo(mx + x + 12 * unit * Math.cos(angle + turn), my + y + 12 * unit * Math.sin(angle + turn))
      }
      pen.stroke()
    }
  }

  #place(event) {
    const box = this.canvas.getBoundingClientRect()
    return [clamp((event.clientX - box.left) / box.width), clamp((event.clientY - box.top) / box.height)]
  }

  #press(event) {
    const points = this.chosen?.thing.points
    if (!points) {
      this.heard.unchosen()
      return
    }
    const { width, height } = this.canvas
    const [x, y] = this.#place(event)
    const near = points.findIndex(([px, py]) => Math.hypot((px - x) * width, (py - y) * height) < width / 60)
    if (near < 0) points.push([x, y])
    this.dragged = near < 0 ? points.length - 1 : near
    this.canvas.setPointerCapture(event.pointerId)
    this.#changed()
  }

  #drag(event) {
    if (this.dragged === null || !this.chosen) return
    this.chosen.thing.points[this.dragged] = this.#place(event)
    this.#changed()
  }

  /** Without a mouse: Enter sets a point, arrows move the last one, Backspace takes it away. */
  #key(event) {
    const points = this.chosen?.thing.points
    const move = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key]
    if (!points) return
    if (event.key === 'Backspace') points.pop()
    else if (event.key === 'Enter') points.push([0.5, 0.5])
    else if (move && points.length) points.push(points.pop().map((value, axis) => clamp(value + move[axis])))
    else return
    event.preventDefault()
    this.#changed()
  }

  #changed() {
    this.draw()
    this.heard.changed()
  }
}

const clamp = (value) => Math.min(1, Math.max(0, Math.round(value * 10000) / 10000))

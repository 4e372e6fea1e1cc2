// Makes paging smooth: the slider, keys, the wheel and a swipe show the next picture without loading the page.
// Without it the links and the form of the page do the same.
(() => {
  'use strict';

  const data = document.getElementById('images');
  if (!data) return;
  const { root, images, size, windows } = JSON.parse(data.textContent);
  const label = data.dataset.label;
  const picture = document.getElementById('picture');
  const stage = document.getElementById('stage');
  const slider = document.getElementById('slider');
  const said = document.getElementById('said');
  const form = document.getElementById('go');
  const chosenWindow = document.getElementById('window');
  const count = Number(slider.max);
  let wanted = Number(slider.value);
  let loading = false;

  const address = (place) => {
    let left = place;
    for (const [uid, frames] of images) {
      if (left <= frames) {
        const window = windows[chosenWindow.value];
        const more = window ? `&window=${window}` : '';
        return `${root}${uid}/frames/${left}/rendered?viewport=${size}${more}`;
      }
      left -= frames;
    }
    return '';
  };

  // One picture is loaded at a time; where somebody moves faster, those in between are left out.
  const load = () => {
    if (loading) return;
    loading = true;
    const place = wanted;
    const window = chosenWindow.value;
    const next = new Image();
    const done = (shown) => {
      loading = false;
      if (shown) {
        picture.src = next.src;
        picture.alt = `${label}, image ${place} of ${count}`;
        said.textContent = `Image ${place} of ${count}`;
        for (const near of [place + 1, place - 1]) {
          if (near >= 1 && near <= count) new Image().src = address(near);
        }
      } else {
        said.textContent = `Image ${place} of ${count} cannot be shown: load the page again to see why.`;
      }
      if (wanted !== place || chosenWindow.value !== window) load();
    };
    next.onload = () => done(true);
    next.onerror = () => done(false);
    next.src = address(place);
  };

  const show = (place) => {
    wanted = Math.min(Math.max(place, 1), count);
    slider.value = wanted;
    const here = new URLSearchParams(location.search);
    here.set('series', form.elements.series.value);
    here.set('image', wanted);
    here.set('window', chosenWindow.value);
    history.replaceState(null, '', `?${here}`);
    for (const [id, off] of [['previous', wanted === 1], ['next', wanted === count]]) {
      const link = document.getElementById(id);
      link.toggleAttribute('aria-disabled', false);
      if (off) link.setAttribute('aria-disabled', 'true');
      else link.href = '#image';
    }
    load();
  };

  const steps = {
    first: () => 1,
    previous: () => wanted - 1,
    next: () => wanted + 1,
    last: () => count,
  };
  for (const [id, to] of Object.entries(steps)) {
    document.getElementById(id).addEventListener('click', (event) => {
      event.preventDefault();
      show(to());
    });
  }
  slider.addEventListener('input', () => show(Number(slider.value)));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    show(Number(slider.value));
  });
  for (const link of document.querySelectorAll('[data-window]')) {
    link.addEventListener('click', (event) => {
      event.preventDefault();
      chosenWindow.value = link.dataset.window;
      for (const other of document.querySelectorAll('[data-window]')) other.removeAttribute('aria-current');
      link.setAttribute('aria-current', 'true');
      show(wanted);
    });
  }
  document.addEventListener('keydown', (event) => {
    if (event.target === slider || event.ctrlKey || event.altKey || event.metaKey) return;
    const step = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (step) {
      event.preventDefault();
      show(wanted + step);
    }
  });
  stage.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      show(wanted + Math.sign(event.deltaY));
    },
    { passive: false },
  );
  let from = null;
  stage.addEventListener('touchstart', (event) => {
    from = event.touches.length === 1 ? event.touches[0].clientX : null;
  });
  stage.addEventListener('touchmove', (event) => {
    if (from === null || event.touches.length !== 1) return;
    const moved = event.touches[0].clientX - from;
    if (Math.abs(moved) >= 12) {
      from = event.touches[0].clientX;
      show(wanted + Math.sign(moved));
    }
  });
})();

Feature: A device's doses are shown beside those of the whole region
  Each establishment sees where its median lies beside the quartiles of all. Nobody can read from them what one other
  establishment gives, or what one person got.

  Background:
    Given chest radiographs of 6 patients at CHA with medians of 300 mGy.cm2
    And chest radiographs of 6 patients at CHB with medians of 100 mGy.cm2

  Scenario: Two establishments would know each other's doses
    When practice is compared with the region
    Then CHA is told that 2 establishments are too few

  Scenario: A third one gives the same act
    Given chest radiographs of 6 patients at CHC with medians of 200 mGy.cm2
    When practice is compared with the region
    Then CHA is told that its median lies above the third quartile of 3 establishments
    And CHB is told that its median lies below the first quartile of 3 establishments
    And CHC is told that its median lies between the quartiles of 3 establishments

  Scenario: Another mapping of acts is published
    Given chest radiographs of 6 patients at CHC with medians of 200 mGy.cm2
    And practice is compared with the region
    When a mapping is published that calls them chest of any view
    Then CHA is told that there is no comparison by the rules in force
    When the worker of practice looks again
    Then CHA is told that its median lies above the third quartile of 3 establishments
